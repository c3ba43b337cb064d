/**
 * Runs `work` with a signal that aborts after `ms` or with one of `others`. The signal is made when it is first asked
 * for, and its timer ends with the work: most requests never wait, and must not pay for being able to.
 */
export async function withDeadline<T>(
  ms: number,
  others: readonly AbortSignal[],
  work: (deadline: () => AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const abort = () => over.abort();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await work(() => {
      if (timer !== undefined) return over.signal;
      timer = setTimeout(abort, ms);
      for (const other of others) other.addEventListener("abort", abort, { once: true });
      if (others.some((other) => other.aborted)) abort();
      return over.signal;
    });
  } finally {
    clearTimeout(timer);
    for (const other of others) other.removeEventListener("abort", abort);
  }
}
