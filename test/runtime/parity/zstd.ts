/** Magic number of a frame (RFC 8878 §3.1.1). */
const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
/** Frame header: one segment, with its size in one byte. */
const ONE_SEGMENT = 0x20

/** Packs up to 255 bytes as one raw block, which every decoder reads. Node 20 has no encoder of its own. */
export function zstd(body: Buffer): Buffer {
  if (body.length > 255) throw new RangeError('one block of 255 bytes at most')
  const header = (body.length << 3) | 1
  return Buffer.concat([MAGIC, Buffer.from([ONE_SEGMENT, body.length, header & 255, header >> 8, 0]), body])
}

/** Reads what {@link zstd} packs. @throws {Error} For anything else. */
export function unzstd(frame: Buffer): Buffer {
  const body = frame.subarray(9)
  if (!frame.subarray(0, 4).equals(MAGIC) || body.length !== frame[5]) throw new Error('not such a frame')
  return body
}
