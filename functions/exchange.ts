import type { TraceHeaders } from "../core/trace.ts";

/** A request as firn's handlers see it: no socket, no framework. Header names are in lower case. */
export interface RegistryRequest {
  readonly method: string;
  /** As it came: still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** What its headers say of a trace it belongs to; read only where something is said of the request. */
  readonly trace?: TraceHeaders;
  /** The address of the other end of the connection, which may be a proxy. */
  readonly peer?: string | undefined;
  /** What came with a POST; it may be left unread. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** What a handler answers; header names are in lower case. The body of an answer to HEAD is dropped on the way out. */
export interface RegistryResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}
