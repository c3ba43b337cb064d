// What is not in use, by size. There are as many as were ever in use at once: a few.
const idle = new Map<number, Buffer[]>();

/** Memory that goes back when it is disposed of; what is in it at first is anything. */
export function borrow(size: number): Disposable & { readonly bytes: Buffer } {
  const ofSize = idle.get(size) ?? [];
  idle.set(size, ofSize);
  const bytes = ofSize.pop() ?? Buffer.allocUnsafeSlow(size);
  return { bytes, [Symbol.dispose]: () => void ofSize.push(bytes) };
}
