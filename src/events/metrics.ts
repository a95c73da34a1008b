import type { Listener } from './event.ts'

/** Counts events, and serves the figures at `/metrics`. */
export interface Metrics {
  readonly event: Listener
  /** The bearer token that callers of `/metrics` must send. With `undefined` every caller may read. */
  readonly token: string | undefined
  /** Returns the figures in the text format of Prometheus. */
  expose(): string
}
