import type { Bucket, FileMetadata, StorageOptions } from "@google-cloud/storage";

export interface BucketSettings {
  readonly project: string;
  readonly bucket: string;
  /** URL of another Cloud Storage than Google's; it is spoken to without credentials. */
  readonly storageEndpoint?: string | undefined;
  /** What else the client is told, such as whose key it signs with. */
  readonly client?: StorageOptions;
}

/** A bucket of Cloud Storage, whose library is loaded when it is first needed. */
export interface BucketConnection {
  open(): Promise<Bucket>;
}

/**
 * Everything is retried, with or without preconditions: what firn asks of a bucket can be asked twice. The library
 * would otherwise switch retries off for all who share it while one call without a precondition is on its way.
 */
export function connectBucket(settings: BucketSettings): BucketConnection {
  const { project, bucket, storageEndpoint, client } = settings;
  let opened: Promise<Bucket> | undefined;
  const open = async () => {
    const { IdempotencyStrategy, Storage } = await import("@google-cloud/storage");
    const storage = new Storage({
      projectId: project,
      ...(storageEndpoint === undefined ? {} : { apiEndpoint: storageEndpoint }),
      ...client,
      retryOptions: {
        idempotencyStrategy: IdempotencyStrategy.RetryAlways,
        retryableErrorFn: isTransient,
        // For an upload these are counted, and timed, over all of its chunks.
        maxRetries: 6,
        totalTimeout: 3600,
        ...client?.retryOptions,
      },
    });
    return storage.bucket(bucket);
  };
  return { open: () => (opened ??= open()) };
}

const answerMs = 30_000;

/**
 * What Cloud Storage answers; rejects when the signal aborts, and after half a minute. The library goes on with its
 * retries in either case, and nobody hears of them.
 */
export async function answered<T>(
  what: string,
  answer: Promise<T>,
  signal?: AbortSignal,
  limitMs = answerMs,
): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    ended.reject(new Error(`Cloud Storage did not answer within ${limitMs / 1000} s: ${what}`));
  }, limitMs);
  const abort = () => ended.reject(signal?.reason as Error); // whatever it was aborted with
  signal?.addEventListener("abort", abort);
  if (signal?.aborted === true) abort();
  try {
    return await Promise.race([answer, ended.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** An object's metadata; undefined if there is no such object. */
export async function describe(bucket: Bucket, name: string): Promise<FileMetadata | undefined> {
  try {
    const [metadata] = await answered(`describe ${name}`, bucket.file(name).getMetadata());
    return metadata;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether there is no such object. A bucket that is not there is a failure: it holds nothing because of a setting. */
export function isAbsent(error: unknown): boolean {
  return hasStatus(error, 404) && !/bucket does not exist/.test((error as Error).message);
}

/** Whether what is under a name is of another generation than was asked for. */
export function isOvertaken(error: unknown): boolean {
  return hasStatus(error, 412);
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof Error && "code" in error && Number(error.code) === status;
}

const transientStatus = new Set([408, 429, 500, 502, 503, 504]);
const transientCode = /^(?:ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_STREAM_PREMATURE_CLOSE)/;

interface Failed {
  readonly code?: number | string | undefined;
  readonly errors?: readonly { readonly reason?: unknown }[] | undefined;
}

// The library's own knows no connection that could not be made: uploads, unlike other requests, then fail at once.
function isTransient(error: Failed): boolean {
  const codes = [error.code, ...(error.errors ?? []).map(({ reason }) => reason)];
  return codes.some(
    (code) => transientStatus.has(Number(code)) || transientCode.test(String(code)),
  );
}
