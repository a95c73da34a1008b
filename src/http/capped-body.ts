import { StatedError } from '../errors.ts'

/** Thrown by {@link readCapped} for a body that exceeds its limit. */
export class BodyTooLarge extends StatedError {
  override readonly name = 'BodyTooLarge'
  /** The limit, in bytes. */
  readonly limit: number

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`)
    this.limit = limit
  }
}

/** The options of {@link readCapped}. */
export interface ReadOptions {
  /** The largest number of bytes to accept. */
  readonly limit: number
  /** Stops reading. Required in addition to the signal of `fetch`, which not every runtime applies to the body. */
  readonly signal?: AbortSignal | undefined
  /** Replaces invalid UTF-8 by U+FFFD instead of refusing it. */
  readonly lenient?: boolean
  /** Gets the size of each chunk before it is kept. What it throws stops the reading. */
  readonly onChunk?: ((bytes: number) => void) | undefined
}

/**
 * Reads a body as UTF-8 text, but never more than `limit` bytes of it. Cancels the body if it cannot be read to its end.
 *
 * @throws {BodyTooLarge} The body exceeds the limit.
 * @throws {TypeError} The body is not valid UTF-8.
 * @throws The reason of `signal`, or the error of the stream.
 */
export async function readCapped(
  body: ReadableStream<Uint8Array> | null,
  { lenient = false, ...options }: ReadOptions,
): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: !lenient })
  let text = ''
  await readChunks(body, options, (chunk) => {
    text += decoder.decode(chunk, { stream: true })
  })
  return text + decoder.decode()
}

/**
 * Reads a body as bytes, but never more than `limit` of them.
 *
 * @throws {BodyTooLarge} The body exceeds the limit.
 * @throws The reason of `signal`, or the error of the stream.
 */
export async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  options: Omit<ReadOptions, 'lenient'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  const size = await readChunks(body, options, (chunk) => void chunks.push(chunk))
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** Reads a body part by part. Returns its size. */
async function readChunks(
  body: ReadableStream<Uint8Array> | null,
  { limit, signal, onChunk }: Omit<ReadOptions, 'lenient'>,
  take: (chunk: Uint8Array) => void,
): Promise<number> {
  if (!body) return 0
  const reader = body.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  signal?.addEventListener('abort', stop, { once: true })
  let size = 0
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { done, value } = await reader.read()
      signal?.throwIfAborted()
      if (done) return size
      size += value.byteLength
      if (size > limit) throw new BodyTooLarge(limit)
      onChunk?.(value.byteLength)
      take(value)
    }
  } catch (error) {
    stop()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
