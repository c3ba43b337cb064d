import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { PublicKeys } from "./storage-fake-signature.ts";

/** The key of a service account, as the file has it that clients of Google Cloud read. */
export interface Credentials {
  readonly type: "service_account";
  readonly project_id: string;
  readonly private_key_id: string;
  readonly private_key: string;
  readonly client_email: string;
  readonly client_id: string;
  readonly token_uri: string;
}

export function createCredentials(project = "firn-test"): Credentials {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    type: "service_account",
    project_id: project,
    private_key_id: "0".repeat(40),
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    client_email: `signer@${project}.iam.gserviceaccount.com`,
    client_id: "1",
    token_uri: "http://127.0.0.1:9/token",
  };
}

export function publicKeysOf({ client_email, private_key }: Credentials): PublicKeys {
  const key = createPublicKey(private_key).export({ type: "spki", format: "pem" }).toString();
  return { [client_email]: key };
}
