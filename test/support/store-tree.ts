import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

export { randomFrom } from "../../worker/random.ts";

/** A file's text, a program's, a link's target, or an empty folder. */
export type Planned = string | { program: string } | { link: string } | { folder: true };

/** A folder for one test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "firn-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes files below `root`, which stands for `/`, by their paths. */
export function plant(root: string, files: Readonly<Record<string, Planned>>): string {
  for (const [path, planned] of Object.entries(files)) {
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    if (typeof planned === "string") writeFileSync(place, planned);
    else if ("link" in planned) symlinkSync(planned.link, place);
    else if ("folder" in planned) mkdirSync(place, { recursive: true });
    else {
      writeFileSync(place, planned.program);
      chmodSync(place, 0o755);
    }
  }
  return root;
}

/** The path of a store path whose hash is one letter, over and over. */
export function stored(letter: string, name: string): string {
  return `/nix/store/${letter.repeat(32)}-${name}`;
}

/** All bytes of chunks, which may be lent: for tests, whose archives are small. */
export function bytesOf(chunks: Iterable<Uint8Array>): Buffer {
  return Buffer.concat(Array.from(chunks, (chunk) => Buffer.from(chunk)));
}
