/** What an ELF file of 64 bits says of how it is loaded. */
export interface Elf {
  /** Such as 62 for x86-64 and 183 for AArch64. */
  readonly machine: number;
  readonly interpreter: string | undefined;
  /** The folders of its run path. */
  readonly runPath: readonly string[];
}

const kinds = { load: 1, dynamic: 2, interpreter: 3 };
const tags = { stringTable: 5, rpath: 15, runpath: 29 };

/** Reads a little-endian ELF file; undefined for any other file. [System V ABI, chapters 4 and 5] */
export function readElf(bytes: Buffer): Elf | undefined {
  if (bytes.length < 64 || bytes.subarray(0, 6).toString("latin1") !== "\x7FELF\x02\x01") {
    return undefined;
  }
  const number = (at: number) => Number(bytes.readBigUInt64LE(at));
  const text = (at: number) => bytes.subarray(at, bytes.indexOf(0, at)).toString();
  const size = bytes.readUInt16LE(54);
  const headers = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
    const at = number(32) + i * size;
    const [offset, address, length] = [number(at + 8), number(at + 16), number(at + 32)];
    return { kind: bytes.readUInt32LE(at), offset, address, length };
  });
  const placeOf = (address: number) => {
    const within = headers.find(
      (one) =>
        one.kind === kinds.load && address >= one.address && address < one.address + one.length,
    );
    return within === undefined ? 0 : address - within.address + within.offset;
  };
  const interpreter = headers.find(({ kind }) => kind === kinds.interpreter);
  const dynamic = headers.find(({ kind }) => kind === kinds.dynamic);
  const entries = new Map<number, number>();
  if (dynamic !== undefined) {
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.length; at += 16) {
      entries.set(number(at), number(at + 8));
    }
  }
  const path = entries.get(tags.rpath) ?? entries.get(tags.runpath);
  const strings = placeOf(entries.get(tags.stringTable) ?? 0);
  return {
    machine: bytes.readUInt16LE(18),
    interpreter: interpreter === undefined ? undefined : text(interpreter.offset),
    runPath: path === undefined ? [] : text(strings + path).split(":"),
  };
}
