/** The promise's value, or undefined when the signal comes first; the promise itself goes on. */
export async function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  const aborted = Promise.withResolvers<undefined>();
  const give = () => aborted.resolve(undefined);
  signal.addEventListener("abort", give, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", give);
  }
}
