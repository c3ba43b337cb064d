// The Castagnoli polynomial, its bits reversed.
const polynomial = 0x82f63b78;

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  }
  return value;
});

/**
 * The checksum that Cloud Storage keeps of every object, in its form: base64 of four bytes, the highest first. The
 * client has one too, which iterates over its bytes and takes four times as long.
 */
export class Crc32c {
  #state = -1;

  update(bytes: Uint8Array): void {
    let state = this.#state;
    for (let i = 0; i < bytes.length; i += 1) {
      state = (table[(state ^ (bytes[i] as number)) & 0xff] as number) ^ (state >>> 8); // both are in bounds
    }
    this.#state = state;
  }

  toString(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(~this.#state);
    return bytes.toString("base64");
  }
}
