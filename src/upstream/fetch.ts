import type { ErrorDetail } from '../errors.ts'
import { readCapped } from '../http/capped-body.ts'
import type { Fetch } from '../ports.ts'
import { PROVIDER_UNAVAILABLE } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'
import { type Effect, effectOf, UpstreamUnavailable } from './unavailable.ts'

const LIMIT = 512 * 1024

const unavailable = (detail: ErrorDetail & { effect: Effect; again: number | undefined }) =>
  new UpstreamUnavailable(PROVIDER_UNAVAILABLE, detail)

/**
 * Returns the `fetch` of every request to a provider: with a deadline, a size limit and no redirects. The status is
 * judged before the body is read. The response is complete and small.
 *
 * @throws {UpstreamUnavailable} For temporary failures: no connection, timeout, 429, 5xx.
 */
export function createUpstreamFetch(fetch: Fetch): Fetch {
  return async (input, init) => {
    const { host, pathname } = new URL(input)
    const where = host + pathname
    // The timer of `AbortSignal.timeout` would keep running after the response.
    const deadline = new AbortController()
    const timer = setTimeout(
      () => deadline.abort(new DOMException('no response in time', 'TimeoutError')),
      ms.provider,
    )
    const signal = init.signal ? AbortSignal.any([init.signal, deadline.signal]) : deadline.signal
    const noAnswer = (cause: unknown, effect: Effect) =>
      unavailable({
        reason: 'provider-unreachable',
        detail: `no response from ${where}`,
        cause,
        retryAfter: seconds.providerLater,
        effect: signal.aborted ? 'unclear' : effect,
        again: signal.aborted ? undefined : 0,
      })
    let response: Response | undefined
    let text: string
    try {
      response = await fetch(input, { ...init, redirect: 'manual', signal })
      text = await readCapped(response.body, { limit: LIMIT, lenient: true })
    } catch (cause) {
      throw noAnswer(cause, response === undefined ? effectOf(cause) : 'unclear')
    } finally {
      clearTimeout(timer)
    }
    if (response.status === 429 || response.status >= 500) {
      const said = Number(response.headers.get('retry-after'))
      throw unavailable({
        reason: 'provider-unreachable',
        detail: `${where} responded with ${response.status}`,
        retryAfter: said >= 1 && said <= 3600 ? Math.ceil(said) : seconds.providerLater,
        effect: response.status === 429 || response.status === 503 ? 'none' : 'unclear',
        again: said > seconds.providerSoon ? undefined : said || 0,
      })
    }
    const headers = new Headers(response.headers)
    headers.delete('content-encoding')
    headers.delete('content-length')
    // The library would read a challenge instead of the body, but the body names the error.
    headers.delete('www-authenticate')
    const hasBody = response.status !== 204 && response.status !== 304 && response.status !== 205
    const status = response.status === 0 ? 502 : response.status
    return new Response(hasBody ? text : null, { status, headers })
  }
}
