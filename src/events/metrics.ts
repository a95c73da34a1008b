import type { Listener } from './event.ts'

/** Counts events, and shows the figures at `/metrics`. */
export interface Metrics {
  readonly event: Listener
  /** What whoever reads them has to show as bearer token; `undefined` lets everybody read. */
  readonly token: string | undefined
  /** The figures, in Prometheus's text format. */
  expose(): string
}
