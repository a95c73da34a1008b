import { context } from '@opentelemetry/api'
import type { Decided, Delivery, Passage, Verdict } from '../../src/index.ts'
import { fail, type OpenSpan, withTrace } from './spans.ts'

/** Opens the span of a request to another server, below the active span. */
type OpenOutgoing = (method: string, url: string) => OpenSpan

/** Returns a verdict whose outcome ends the span of its request. */
export function tracedVerdict(verdict: Verdict, open: OpenSpan, outgoing: OpenOutgoing): Verdict {
  if (verdict.type === 'answer') {
    open.end(verdict.response.status)
    return verdict
  }
  if (verdict.type === 'inspect') {
    const traced = (decided: Decided) => tracedVerdict(decided, open, outgoing) as Decided
    return {
      type: 'inspect',
      limit: verdict.limit,
      hold: (bytes) => verdict.hold(bytes),
      judge(body) {
        const decided = context.with(open.context, () => verdict.judge(body))
        return decided instanceof Promise ? decided.then(traced) : traced(decided)
      },
      abandoned() {
        open.end()
        verdict.abandoned()
      },
    }
  }
  if (verdict.type === 'forward') {
    return { type: 'forward', passage: tracedPassage(verdict.passage, open, outgoing) }
  }
  return {
    type: 'handle',
    async handle(request) {
      const response = await context.with(open.context, () => verdict.handle(request))
      open.end(response.status)
      return response
    },
  }
}

/** Returns a passage with a span of its own, whose headers name the trace. */
function tracedPassage(passage: Passage, open: OpenSpan, outgoing: OpenOutgoing): Passage {
  const sent = context.with(open.context, () => outgoing(passage.method, passage.url))
  const judged = (delivery: Delivery): Delivery => {
    if (delivery.type === 'again') {
      return { type: 'again', passage: tracedPassage(delivery.passage, open, outgoing) }
    }
    open.end(delivery.type === 'replace' ? delivery.response.status : delivery.status)
    return delivery
  }
  return {
    method: passage.method,
    url: passage.url,
    headers: [...withTrace(passage.headers as [string, string][], sent.context)],
    answered(status, headers, repeatable) {
      sent.end(status)
      const answered = context.with(open.context, () => passage.answered(status, headers, repeatable))
      return answered instanceof Promise ? answered.then(judged) : judged(answered)
    },
    failed(cause) {
      fail(sent.span, cause)
      sent.end()
      const response = context.with(open.context, () => passage.failed(cause))
      open.end(response.status)
      return response
    },
    brokeOff(cause) {
      context.with(open.context, () => passage.brokeOff(cause))
    },
    abandoned() {
      sent.end()
      open.end()
      passage.abandoned()
    },
  }
}
