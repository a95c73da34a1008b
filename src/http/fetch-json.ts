import type { Outbound } from '../ports.ts'

/** Milliseconds for everything, from the name to the last byte. */
const TIMEOUT = 5000
/** Bytes that are enough for a document. */
const LIMIT = 5 * 1024

/** A JSON answer of an address that a stranger named. */
export interface JsonAnswer {
  readonly value: unknown
  readonly headers: Headers
}

/**
 * Gets a small JSON document, or nothing: only a 200 that is JSON by its media type, in time and within the limit.
 *
 * @throws {TypeError} Saying what was wrong, without a word of what was received. Whatever `outbound` throws, too.
 */
export async function fetchJson(
  outbound: Outbound,
  url: string,
  { loopback, limit = LIMIT }: { loopback: boolean; limit?: number },
): Promise<JsonAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT)
  const response = await outbound(url, { accept: 'application/json', signal, loopback })
  const { status, headers } = response
  const [mediaType = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';')
  const isJson = /^application\/([\w.-]+\+)?json$/.test(mediaType.trim())
  if (status !== 200 || !isJson) {
    await response.body?.cancel().catch(() => {})
    throw new TypeError(status === 200 ? 'its answer is not JSON' : `it answered ${status}`)
  }
  const text = await readCapped(response, signal, limit)
  try {
    return { value: JSON.parse(text), headers }
  } catch {
    throw new TypeError('its answer is malformed JSON')
  }
}

async function readCapped(response: Response, signal: AbortSignal, limit: number): Promise<string> {
  if (!response.body) return ''
  const reader = response.body.getReader()
  // Not every runtime ends a body with the signal of its request.
  const stop = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', stop, { once: true })
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (signal.aborted) throw new TypeError('no answer in time')
      if (done) return text + decoder.decode()
      size += value.byteLength
      if (size > limit) throw new TypeError(`its answer is over ${limit} bytes`)
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    stop()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
