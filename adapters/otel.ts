import {
  type Attributes,
  context,
  type MeterProvider,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { Fetch, Listener, OAuthProxy, ProxyEvent } from '../src/index.ts'
import { createBoundedNames } from './events/bounded-names.ts'
import { tracedVerdict } from './otel/passage.ts'
import { fail, openSpan, remoteContext, withTrace } from './otel/spans.ts'

/** Listener, `fetch` and instrumentation for one proxy. */
export interface Telemetry {
  /** For `on.event`: counts events, and adds them to the span of their request. */
  readonly event: Listener
  /** For `fetch`: makes a span for each request to the provider and the MCP servers. Only MCP servers get the trace. */
  readonly fetch: Fetch
  /** Returns the same proxy with a span for each request, and for each request that an adapter forwards. */
  instrument(proxy: OAuthProxy): OAuthProxy
}

/** Seconds, as the semantic conventions advise. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'])

/** Fields of an event by which a trace is found. Metrics have none of them: each value would be a series. */
const OF_A_REQUEST = ['requestId', 'client', 'user', 'grant', 'resource', 'provider', 'action'] as const

/**
 * Makes spans and metrics by OpenTelemetry's API. Needs `npm install @opentelemetry/api` and a registered SDK. Events
 * find their span if the SDK has a context manager. No query, header or body is recorded.
 *
 * @param options.tracerProvider The registered one by default, and so is `meterProvider`.
 * @param options.fetch Sends requests, such as the one of `lockgate/node`. The runtime's by default.
 * @param options.continueTraces Makes spans part of the trace that a request names. By default a trace begins here and
 * links to that one, because a caller could otherwise choose its sampling and its id.
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
  const events = meter.createCounter('lockgate.events', { description: 'Events by type, reason and code' })
  const durations = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Time until the head of the response',
    advice: { explicitBucketBoundaries: BOUNDS },
  })
  const servers: string[] = []
  const nameOf = createBoundedNames()

  /** Opens the span of a request to another server. */
  const outgoing = (method: string, url: string) => {
    const { hostname, port, protocol } = new URL(url)
    const attributes = {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    }
    return openSpan(tracer, method, { kind: SpanKind.CLIENT, attributes }, context.active())
  }

  /** Opens the span of a request to the proxy. */
  function incoming(
    { method: sent, headers }: { method: string; headers: { get(name: string): string | null } },
    scheme: string,
    route: string | undefined,
  ) {
    const began = performance.now()
    const method = METHODS.has(sent) ? sent : '_OTHER'
    const attributes: Attributes = {
      'http.request.method': method,
      'url.scheme': scheme,
      ...(route !== undefined && { 'http.route': route }),
    }
    const theirs = remoteContext(headers)
    const remote = trace.getSpanContext(theirs)
    const name = [method === '_OTHER' ? 'HTTP' : method, route].filter(Boolean).join(' ')
    const spanOptions = {
      kind: SpanKind.SERVER,
      attributes,
      ...(remote && !continueTraces && { links: [{ context: remote }] }),
    }
    return openSpan(tracer, name, spanOptions, continueTraces ? theirs : ROOT_CONTEXT, (status) =>
      durations.record((performance.now() - began) / 1000, {
        ...attributes,
        'http.response.status_code': status,
      }),
    )
  }

  return {
    event(event) {
      const kind = kindOf(event)
      events.add(1, event.type === 'called' ? { ...kind, ...callOf(event, nameOf) } : kind)
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

    async fetch(input, init) {
      const open = outgoing(init.method ?? 'GET', input)
      const isServer = servers.some((server) => input.startsWith(server))
      const headers = isServer ? withTrace(init.headers, open.context) : init.headers
      try {
        const response = await context.with(open.context, () =>
          send(input, headers === undefined ? init : { ...init, headers }),
        )
        open.end(response.status)
        return response
      } catch (error) {
        fail(open.span, error)
        open.end()
        throw error
      }
    },

    instrument(proxy) {
      for (const { target } of proxy.resources) if (target !== undefined) servers.push(target)
      const scheme = new URL(proxy.issuer).protocol.slice(0, -1)
      const guarded = new Set(proxy.resources.map(({ id }) => new URL(id).pathname))
      return {
        ...proxy,
        async fetch(request, ...native) {
          const open = incoming(request, scheme, proxy.routeOf(request.url))
          const response = await context.with(open.context, () => proxy.fetch(request, ...native))
          open.end(response.status)
          return response
        },
        admit(head, ...native) {
          const route = proxy.routeOf(head.target)
          // Any other address goes on to `fetch`, which makes the span.
          if (route !== undefined && !guarded.has(route)) return proxy.admit(head, ...native)
          const open = incoming(head, scheme, route)
          const verdict = context.with(open.context, () => proxy.admit(head, ...native))
          if (verdict instanceof Promise) return verdict.then((one) => tracedVerdict(one, open, outgoing))
          return verdict && tracedVerdict(verdict, open, outgoing)
        },
      }
    },
  }
}

/** Returns the action of a client, for metrics. Only a tool that has succeeded gives its name. */
function callOf(called: Extract<ProxyEvent, { type: 'called' }>, nameOf: NameOf): Attributes {
  return {
    'lockgate.outcome': called.outcome,
    ...(called.tool !== undefined && { 'lockgate.tool': nameOf(called) }),
  }
}

type NameOf = ReturnType<typeof createBoundedNames>

const kindOf = ({ type, reason, code }: ProxyEvent): Attributes => ({
  'lockgate.type': type,
  ...(reason !== undefined && { 'lockgate.reason': reason }),
  ...(code !== undefined && { 'lockgate.code': code }),
})
