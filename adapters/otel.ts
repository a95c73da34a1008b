import {
  type Attributes,
  type Context,
  context,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { Fetch, Listener, OAuthProxy, ProxyEvent } from '../src/index.ts'

/** What {@link openTelemetry} gives to a proxy. */
export interface Telemetry {
  /** For `on.event`: counts events, and adds them to the span of their request. */
  readonly event: Listener
  /** For `fetch`: a span for each request to the provider and the MCP servers, which alone learn of the trace. */
  readonly fetch: Fetch
  /** The same proxy, with a span for each request. */
  instrument(proxy: OAuthProxy): OAuthProxy
}

/** Seconds, as the semantic conventions advise. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'])

/** First steps of the paths below the issuer, beside those of the MCP servers. */
const ENDPOINTS = /^\/(authorize|consent|callback|token|revoke|register|account|health|metrics)(?=\/|$)/

/** What an event says that finds a trace again. Metrics get none of it: each would be a series. */
const OF_A_REQUEST = ['requestId', 'client', 'user', 'grant', 'resource', 'provider', 'action'] as const

/**
 * Spans and metrics by OpenTelemetry's own API (`npm install @opentelemetry/api`, and an SDK that is registered). Events
 * find their span where the SDK has a context manager. No address with its query, no header and no body is recorded.
 *
 * @param options.tracerProvider The one that is registered, by default; `meterProvider` likewise.
 * @param options.fetch What requests are sent with, such as the one of `lockgate/node`; the runtime's by default.
 * @param options.continueTraces Whether spans belong to the trace that a request names. By default a trace begins
 * here, with a link to that one: whoever may call could otherwise say what is sampled, and by which id.
 * @see [OpenTelemetry, Semantic conventions for HTTP](https://opentelemetry.io/docs/specs/semconv/http/)
 */
export function openTelemetry(
  options: {
    tracerProvider?: TracerProvider
    meterProvider?: MeterProvider
    fetch?: Fetch
    continueTraces?: boolean
  } = {},
): Telemetry {
  const { continueTraces = false, fetch: send = (input, init) => fetch(input, init) } = options
  const tracer = (options.tracerProvider ?? trace).getTracer('lockgate')
  const meter = (options.meterProvider ?? metrics).getMeter('lockgate')
  const events = meter.createCounter('lockgate.events', { description: 'What happened' })
  const durations = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Time until an answer began',
    advice: { explicitBucketBoundaries: BOUNDS },
  })
  const servers: string[] = []

  /** Runs a request in a span of its own, which ends when the answer begins. */
  async function traced(span: Span, within: Context, work: () => Promise<Response>): Promise<Response> {
    try {
      const response = await context.with(trace.setSpan(within, span), work)
      span.setAttribute('http.response.status_code', response.status)
      if (response.status >= 500) fail(span, String(response.status))
      return response
    } catch (error) {
      fail(span, error instanceof Error ? error.name : 'unknown')
      throw error
    } finally {
      span.end()
    }
  }

  return {
    event(event) {
      const kind = kindOf(event)
      events.add(1, kind)
      const span = trace.getActiveSpan()
      if (!span) return
      const about = Object.fromEntries(
        OF_A_REQUEST.flatMap((name) =>
          event[name] === undefined ? [] : [[`lockgate.${name}`, event[name]]],
        ),
      ) as Attributes
      span.setAttributes(about)
      span.addEvent(`lockgate.${event.type}`, { ...kind, ...about })
    },

    fetch(input, init) {
      const { hostname, port, protocol } = new URL(input)
      const method = init.method ?? 'GET'
      const span = tracer.startSpan(method, {
        kind: SpanKind.CLIENT,
        attributes: {
          'http.request.method': method,
          'server.address': hostname,
          'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
        },
      })
      const active = context.active()
      const isServer = servers.some((server) => input.startsWith(server))
      const headers = isServer ? withTrace(init.headers, trace.setSpan(active, span)) : init.headers
      return traced(span, active, () => send(input, headers === undefined ? init : { ...init, headers }))
    },

    instrument(proxy) {
      for (const { target } of proxy.resources) if (target !== undefined) servers.push(target)
      const routeOf = routesOf(proxy)
      return {
        ...proxy,
        async fetch(request, ...native) {
          const began = performance.now()
          const { pathname, protocol } = new URL(request.url)
          const route = routeOf(pathname)
          const method = METHODS.has(request.method) ? request.method : '_OTHER'
          const attributes: Attributes = {
            'http.request.method': method,
            'url.scheme': protocol.slice(0, -1),
            ...(route !== undefined && { 'http.route': route }),
          }
          const theirs = propagation.extract(ROOT_CONTEXT, request.headers, {
            get: (headers, name) => headers.get(name) ?? undefined,
            keys: (headers) => [...headers.keys()],
          })
          const remote = trace.getSpanContext(theirs)
          const parent = continueTraces ? theirs : ROOT_CONTEXT
          const span = tracer.startSpan(
            [method === '_OTHER' ? 'HTTP' : method, route].filter(Boolean).join(' '),
            {
              kind: SpanKind.SERVER,
              attributes,
              ...(remote && !continueTraces && { links: [{ context: remote }] }),
            },
            parent,
          )
          const response = await traced(span, parent, () => proxy.fetch(request, ...native))
          durations.record((performance.now() - began) / 1000, {
            ...attributes,
            'http.response.status_code': response.status,
          })
          return response
        },
      }
    },
  }
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

const kindOf = ({ type, reason, code }: ProxyEvent): Attributes => ({
  'lockgate.type': type,
  ...(reason !== undefined && { 'lockgate.reason': reason }),
  ...(code !== undefined && { 'lockgate.code': code }),
})

/** What came with the request is another hop's. */
function withTrace(given: RequestInit['headers'], within: Context): Headers {
  const headers = new Headers(given)
  for (const name of propagation.fields()) headers.delete(name)
  propagation.inject(within, headers, { set: (carrier, name, value) => carrier.set(name, value) })
  return headers
}

/** Of all the paths that a request may have, those few that there are. */
function routesOf({ issuer, resources }: OAuthProxy): (path: string) => string | undefined {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const paths = resources
    .map(({ id }) => new URL(id).pathname.replace(/\/$/, ''))
    .sort((a, b) => b.length - a.length)
  return (path) => {
    const own = path.startsWith(base) ? ENDPOINTS.exec(path.slice(base.length))?.[0] : undefined
    if (own !== undefined) return base + own
    const wellKnown =
      /^\/\.well-known\/(oauth-authorization-server|oauth-protected-resource|openid-configuration)/
    const document = wellKnown.exec(path)?.[0]
    if (document !== undefined) return document
    return paths.find((known) => path === known || path.startsWith(`${known}/`)) || undefined
  }
}
