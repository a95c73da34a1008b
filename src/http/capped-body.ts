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
  { limit, signal, lenient = false }: ReadOptions,
): Promise<string> {
  if (!body) return ''
  const decoder = new TextDecoder('utf-8', { fatal: !lenient })
  const reader = body.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  signal?.addEventListener('abort', stop, { once: true })
  let text = ''
  let size = 0
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { done, value } = await reader.read()
      signal?.throwIfAborted()
      if (done) return text + decoder.decode()
      size += value.byteLength
      if (size > limit) throw new BodyTooLarge(limit)
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    stop()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
