import type { Endpoint } from '../context.ts'
import { equal } from '../crypto/compare.ts'
import type { Metrics } from '../events/metrics.ts'
import { limited } from './rate-limit.ts'

/** Serves the figures to callers with the token of the metrics. */
export const metricsEndpoint = ({ token, expose }: Metrics): Endpoint =>
  limited((request) => {
    const shown = /^bearer +(\S+)[ \t]*$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    if (token !== undefined && !equal(shown, token)) {
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } })
    }
    const type = 'text/plain; version=0.0.4; charset=utf-8'
    return new Response(expose(), { headers: { 'content-type': type, 'cache-control': 'no-store' } })
  })
