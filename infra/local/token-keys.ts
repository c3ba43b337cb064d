import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The keys of a data folder, with which what clients pull with is signed; made at the first start, for its owner alone. */
export async function tokenKeysIn(data: string): Promise<string> {
  const path = join(data, "token-keys");
  const fresh = `${randomBytes(48).toString("base64url")}\n`;
  try {
    await writeFile(path, fresh, { flag: "wx", mode: 0o600 });
    return fresh;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return await readFile(path, "utf8");
  }
}
