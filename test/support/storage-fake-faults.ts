import type { Operation } from "./storage-fake-exchange.ts";

/** What goes wrong. Each fault happens once, if `times` does not say otherwise, to the first requests it is meant for. */
export type Fault = {
  readonly operation?: Operation;
  readonly method?: string;
  /** A regular expression for the path, in which names are percent-encoded. */
  readonly path?: string;
  readonly times?: number;
} & (
  | { readonly kind: "status"; readonly status: number }
  /** The connection is cut when this many bytes of the request have arrived; nothing is done. */
  | { readonly kind: "cut-request"; readonly afterBytes: number }
  /** It is done, and the connection is cut when this many bytes of the answer were sent, its head among them. */
  | { readonly kind: "cut-response"; readonly afterBytes: number }
  /** Answers later. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Loses the last bytes of what is uploaded before it is on the disk. */
  | { readonly kind: "truncate"; readonly bytes: number }
);

export class Faults {
  readonly #waiting: { readonly fault: Fault; left: number }[] = [];

  add(...faults: readonly Fault[]): void {
    this.#waiting.push(...faults.map((fault) => ({ fault, left: fault.times ?? 1 })));
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** The fault that this request suffers; it is then one fewer. */
  take(operation: Operation, method: string, path: string): Fault | undefined {
    const found = this.#waiting.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.operation ?? operation) === operation &&
        (fault.method ?? method) === method &&
        new RegExp(fault.path ?? "").test(path),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault;
  }
}

/** Thrown to whoever reads a request whose connection is cut. */
export class Cut extends Error {
  override readonly name = "Cut";
}

/** The first bytes, and then the end of the connection. */
export async function* cutAfter(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  cut: () => void,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of body) {
    if (chunk.length > left) {
      yield chunk.subarray(0, left);
      left = 0;
      break;
    }
    left -= chunk.length;
    yield chunk;
  }
  cut();
  throw new Cut("the connection was cut, as the fault says");
}
