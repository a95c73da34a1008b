import type { ErrorDetail } from '../errors.ts'
import type { Fetch } from '../ports.ts'
import { type Effect, effectOf, UpstreamUnavailable } from './unavailable.ts'

const TIMEOUT = 10_000
const LIMIT = 512 * 1024

/** Seconds for which a request waits itself; who is told to come back later is told so at once. */
const SOON = 2
/** Seconds, where the provider does not say when to come back. */
const LATER = 5

const unavailable = (detail: ErrorDetail & { effect: Effect; again: number | undefined }) =>
  new UpstreamUnavailable('The identity provider cannot be reached at the moment', detail)

/**
 * The one way every answer of a provider takes: a deadline, a size limit, no redirects, and a judgement of the
 * status before anybody reads the body. What comes out is a small, complete answer.
 *
 * @throws {UpstreamUnavailable} For everything that may pass: no connection, time-out, 429, 5xx.
 */
export function createUpstreamFetch(fetch: Fetch): Fetch {
  return async (input, init) => {
    const { host, pathname } = new URL(input)
    const where = host + pathname
    // A timer of its own, which ends with the answer: that of `AbortSignal.timeout` would go on for all of its time.
    const deadline = new AbortController()
    const timer = setTimeout(
      () => deadline.abort(new DOMException('The time is up', 'TimeoutError')),
      TIMEOUT,
    )
    const signal = init.signal ? AbortSignal.any([init.signal, deadline.signal]) : deadline.signal
    const noAnswer = (cause: unknown, effect: Effect) =>
      unavailable({
        reason: 'provider-unreachable',
        detail: `no answer from ${where}`,
        cause,
        retryAfter: LATER,
        effect: signal.aborted ? 'unclear' : effect,
        again: signal.aborted ? undefined : 0,
      })
    let response: Response | undefined
    let text: string
    try {
      response = await fetch(input, { ...init, redirect: 'manual', signal })
      text = await readCapped(response)
    } catch (cause) {
      throw noAnswer(cause, response === undefined ? effectOf(cause) : 'unclear')
    } finally {
      clearTimeout(timer)
    }
    if (response.status === 429 || response.status >= 500) {
      const said = Number(response.headers.get('retry-after'))
      throw unavailable({
        reason: 'provider-unreachable',
        detail: `${where} answered ${response.status}`,
        retryAfter: said >= 1 && said <= 3600 ? Math.ceil(said) : LATER,
        effect: response.status === 429 || response.status === 503 ? 'none' : 'unclear',
        again: said > SOON ? undefined : said || 0,
      })
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
