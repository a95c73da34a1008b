import { OAuthError } from '../errors.ts'
import type { Fetch } from '../ports.ts'

const TIMEOUT = 10_000
const LIMIT = 512 * 1024

const unavailable = (reason: string, detail: { retryAfter?: number; cause?: unknown } = {}) =>
  new OAuthError('temporarily_unavailable', 'The identity provider cannot be reached at the moment', {
    reason,
    cause: detail.cause,
    retryAfter: detail.retryAfter ?? 5,
  })

/**
 * The one way every answer of a provider takes: a deadline, a size limit, no redirects, and a judgement of the
 * status before anybody reads the body. What comes out is a small, complete answer.
 *
 * @throws {OAuthError} `temporarily_unavailable` for everything that may pass: no connection, time-out, 429, 5xx.
 */
export function createUpstreamFetch(fetch: Fetch): Fetch {
  return async (input, init) => {
    const { host, pathname } = new URL(input)
    const where = host + pathname
    let response: Response
    let text: string
    try {
      const deadline = AbortSignal.timeout(TIMEOUT)
      const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline
      response = await fetch(input, { ...init, redirect: 'manual', signal })
      text = await readCapped(response)
    } catch (cause) {
      throw unavailable(`no answer from ${where}`, { cause })
    }
    if (response.status === 429 || response.status >= 500) {
      const after = Number(response.headers.get('retry-after'))
      const retryAfter = after >= 1 && after <= 3600 ? Math.ceil(after) : 5
      throw unavailable(`${where} answered ${response.status}`, { retryAfter })
    }
    const headers = new Headers(response.headers)
    headers.delete('content-encoding')
    headers.delete('content-length')
    // The library reads a challenge instead of the body, and the body is what names the error.
    headers.delete('www-authenticate')
    const hasBody = response.status !== 204 && response.status !== 304 && response.status !== 205
    const status = response.status === 0 ? 502 : response.status
    return new Response(hasBody ? text : null, { status, headers })
  }
}

async function readCapped(response: Response): Promise<string> {
  if (!response.body) return ''
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > LIMIT) {
      await reader.cancel()
      throw new TypeError(`answer over ${LIMIT} bytes`)
    }
    text += decoder.decode(value, { stream: true })
  }
}
