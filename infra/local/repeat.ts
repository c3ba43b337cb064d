/**
 * Does something again and again, never twice at once, for the first time after `firstMs`; disposing waits for what is
 * under way.
 */
export function repeat(
  work: () => Promise<void>,
  everyMs: number,
  firstMs = everyMs,
): AsyncDisposable {
  let current: Promise<void> | undefined;
  let timer = setTimeout(turn, firstMs);
  function turn(): void {
    timer = setTimeout(turn, everyMs);
    // What fails has said so in the log, and is done again the next time.
    current ??= work()
      .catch(() => undefined)
      .finally(() => (current = undefined));
  }
  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await current;
    },
  };
}
