/** Does something again and again, never twice at once; disposing waits for what is under way. */
export function repeat(work: () => Promise<void>, everyMs: number): AsyncDisposable {
  let current: Promise<void> | undefined;
  const timer = setInterval(() => {
    // What fails has said so in the log, and is done again the next time.
    current ??= work()
      .catch(() => undefined)
      .finally(() => (current = undefined));
  }, everyMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await current;
    },
  };
}
