import { randomUUID } from "node:crypto";
import type { StorageOptions } from "@google-cloud/storage";
import { GoogleAuth } from "google-auth-library";
import { startStorageFake, type StorageFake, type StorageFakeOptions } from "./storage-fake.ts";

/** What a client of a fake is made with; it waits a second between attempts, not a minute. */
export function clientOptions({ url, credentials }: StorageFake): StorageOptions {
  const auth = new GoogleAuth();
  auth.jsonContent = credentials; // As an option it is taken too, with a warning each time.
  return {
    apiEndpoint: url,
    projectId: credentials.project_id,
    authClient: auth,
    retryOptions: { maxRetryDelay: 1 },
  };
}

/** A fake with one bucket of a name that no other test has, and the real client on it. */
export async function openStorage(options: StorageFakeOptions = {}) {
  const { Storage } = await import("@google-cloud/storage");
  const fake = await startStorageFake(options);
  const bucketName = `bucket-${randomUUID()}`;
  fake.createBucket(bucketName);
  const storage = new Storage(clientOptions(fake));
  return {
    fake,
    bucketName,
    storage,
    bucket: storage.bucket(bucketName),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}
