import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A span that ends once. */
export interface OpenSpan {
  readonly span: Span
  /** The context in which the span is the active one. */
  readonly context: Context
  /** Ends the span. Further calls do nothing. @param status The status of the response, if there was one. */
  end(status?: number): void
}

/** @param onEnd Gets the status of the response. */
export function openSpan(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  parent: Context,
  onEnd?: (status: number) => void,
): OpenSpan {
  const span = tracer.startSpan(name, options, parent)
  let isOpen = true
  return {
    span,
    context: trace.setSpan(parent, span),
    end(status) {
      if (!isOpen) return
      isOpen = false
      if (status !== undefined) {
        span.setAttribute('http.response.status_code', status)
        if (status >= 500) setError(span, String(status))
        onEnd?.(status)
      }
      span.end()
    },
  }
}

/** Marks a span as failed. */
export const fail = (span: Span, error: unknown): void =>
  setError(span, error instanceof Error ? error.name : 'unknown')

function setError(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** Returns the trace that a request names. */
export const remoteContext = (headers: { get(name: string): string | null }): Context =>
  propagation.extract(ROOT_CONTEXT, headers, {
    get: (carrier, name) => carrier.get(name) ?? undefined,
    keys: () => propagation.fields(),
  })

/** Returns headers that name this trace, instead of the one that came with the request. */
export function withTrace(given: RequestInit['headers'], within: Context): Headers {
  const headers = new Headers(given)
  for (const name of propagation.fields()) headers.delete(name)
  propagation.inject(within, headers, { set: (carrier, name, value) => carrier.set(name, value) })
  return headers
}
