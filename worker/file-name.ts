import { Buffer, isUtf8 } from "node:buffer";

// Names on Linux are bytes, and Node's file system gives them as UTF-8, with U+FFFD for what is none. So that no two
// files become one, a name that is not UTF-8 is kept as a string whose other bytes are lone surrogates: 0xff is U+DCFF.
// No UTF-8 gives such a string, so both ways are exact. [PEP 383]

/** A file's name as a string, whatever its bytes are. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let name = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length === 0) name += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    else name += bytes.toString("utf8", at, at + length);
    at += Math.max(length, 1);
  }
  return name;
}

/** The bytes of a name or a path that `nameOf` gave. */
export function nameBytes(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts = name.split(/([\uDC80-\uDCFF])/u).map((part) => {
    const unit = part.length === 1 ? part.charCodeAt(0) : 0;
    return unit >= 0xdc80 && unit <= 0xdcff ? Buffer.of(unit - 0xdc00) : Buffer.from(part);
  });
  return Buffer.concat(parts);
}

/** What Node's file system is to be given for a path: its string, unless only bytes can say it. */
export function placeOf(path: string): string | Buffer {
  return path.isWellFormed() ? path : nameBytes(path);
}

/** A name as people can read it: bytes that are not UTF-8 as `\xff`. */
export function printableName(name: string): string {
  return name.replaceAll(
    /[\uDC80-\uDCFF]/gu,
    (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`,
  );
}

/** Orders names by their bytes. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(nameBytes(a), nameBytes(b));
}

// Of the character that begins here, in bytes; 0 where none does.
function characterLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}
