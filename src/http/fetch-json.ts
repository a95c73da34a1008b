import { StatedError } from '../errors.ts'
import type { Outbound } from '../ports.ts'
import { ms } from '../timing.ts'
import { BodyTooLarge, readCapped } from './capped-body.ts'

/** The largest document, in bytes. */
const LIMIT = 5 * 1024

/** A JSON response of an address that a client named. */
export interface JsonAnswer {
  readonly value: unknown
  readonly headers: Headers
}

/**
 * Fetches a small JSON document. Accepts only a 200 with a JSON media type, before the deadline and within the limit.
 *
 * @param options.limit Bytes.
 * @param options.deadline Milliseconds.
 * @throws {TypeError} With the fault, and without any received text. Also the errors of `outbound`.
 */
export async function fetchJson(
  outbound: Outbound,
  url: string,
  {
    loopback,
    limit = LIMIT,
    deadline = ms.document,
  }: { loopback: boolean; limit?: number; deadline?: number },
): Promise<JsonAnswer> {
  const signal = AbortSignal.timeout(deadline)
  const response = await outbound(url, { accept: 'application/json', signal, loopback })
  const { status, headers } = response
  const [mediaType = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';')
  const isJson = /^application\/([\w.-]+\+)?json$/.test(mediaType.trim())
  if (status !== 200 || !isJson) {
    await response.body?.cancel().catch(() => {})
    throw new StatedError(status === 200 ? 'its answer is not JSON' : `it answered ${status}`)
  }
  const text = await readCapped(response.body, { limit, signal }).catch((error: unknown) => {
    if (signal.aborted) throw new StatedError('no answer in time')
    throw error instanceof BodyTooLarge ? new StatedError(`its answer is over ${limit} bytes`) : error
  })
  try {
    return { value: JSON.parse(text), headers }
  } catch {
    throw new StatedError('its answer is malformed JSON')
  }
}
