import type { Metrics } from '../../src/index.ts'
import { createBoundedNames } from './bounded-names.ts'

/** Seconds, as most exporters have them. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Series of events: more than there are reason codes. */
const MOST = 500

/** As a header has it, and too long to be guessed. */
const TOKEN = /^[\x21-\x7e]{32,}$/

/** The bearer token that a reader of the figures shows, or the explicit choice that anyone may read them. */
export type MetricsAccess =
  /** At least 32 characters without blanks. */
  | { readonly token: string; readonly dangerouslyOpen?: never }
  | { readonly token?: never; readonly dangerouslyOpen: true }

/**
 * Counts what happens in this process, for the option `metrics`: `/metrics` then has it in Prometheus's text format. No
 * label names a user, a client or a grant.
 *
 * @throws {TypeError} For a token that is too short, or where nothing says who may read.
 * @see [Prometheus, Text-based format](https://prometheus.io/docs/instrumenting/exposition_formats/)
 */
export function prometheus({ token, dangerouslyOpen }: MetricsAccess): Metrics {
  if (dangerouslyOpen !== true && !TOKEN.test(token ?? '')) {
    throw new TypeError('expected a token of at least 32 characters without blanks')
  }
  const events = new Map<string, number>()
  const durations = new Map<string, Histogram>()
  const calls = new Map<string, number>()
  const nameOf = createBoundedNames()

  return {
    event(event) {
      const { type, reason = '' } = event
      const own = labelsOf({ type, reason })
      // An application may refuse for reasons of its own: they must not become as many series.
      const labels = events.has(own) || events.size < MOST ? own : labelsOf({ type, reason: 'other' })
      const count = event.type === 'rate-limited' ? (event.count ?? 1) : 1
      events.set(labels, (events.get(labels) ?? 0) + count)
      if (event.type === 'called') {
        const call = labelsOf({ tool: nameOf(event), outcome: event.outcome })
        calls.set(call, (calls.get(call) ?? 0) + 1)
        return
      }
      if (event.duration === undefined) return
      const about = { endpoint: event.endpoint ?? '', status: String(event.status) }
      const key = labelsOf(about)
      const histogram = durations.get(key) ?? newHistogram()
      durations.set(key, histogram)
      observe(histogram, event.duration / 1000)
    },
    token,
    expose: () => expose(events, durations, calls),
  }
}

interface Histogram {
  /** How many fell under each bound, and under no lower one; the last is for those above all. */
  readonly counts: number[]
  sum: number
}

const newHistogram = (): Histogram => ({ counts: new Array<number>(BOUNDS.length + 1).fill(0), sum: 0 })

function observe(histogram: Histogram, seconds: number): void {
  const at = BOUNDS.findIndex((bound) => seconds <= bound)
  histogram.counts[at < 0 ? BOUNDS.length : at]! += 1
  histogram.sum += seconds
}

const labelsOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(
      ([name, value]) =>
        `${name}="${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`,
    )
    .join(',')

function expose(
  events: ReadonlyMap<string, number>,
  durations: ReadonlyMap<string, Histogram>,
  calls: ReadonlyMap<string, number>,
): string {
  const lines = [
    '# HELP lockgate_events_total What happened, by type of event and reason.',
    '# TYPE lockgate_events_total counter',
    ...[...events].map(([labels, count]) => `lockgate_events_total{${labels}} ${count}`),
    ...(calls.size > 0
      ? [
          '# HELP lockgate_calls_total Actions of clients, by tool and outcome.',
          '# TYPE lockgate_calls_total counter',
        ]
      : []),
    ...[...calls].map(([labels, count]) => `lockgate_calls_total{${labels}} ${count}`),
    '# HELP lockgate_forward_duration_seconds Time until the answer of the MCP server began.',
    '# TYPE lockgate_forward_duration_seconds histogram',
  ]
  for (const [labels, { counts, sum }] of durations) {
    let total = 0
    for (const [index, count] of counts.entries()) {
      total += count
      const bound = BOUNDS[index] ?? '+Inf'
      lines.push(`lockgate_forward_duration_seconds_bucket{${labels},le="${bound}"} ${total}`)
    }
    lines.push(`lockgate_forward_duration_seconds_sum{${labels}} ${sum}`)
    lines.push(`lockgate_forward_duration_seconds_count{${labels}} ${total}`)
  }
  return `${lines.join('\n')}\n`
}
