import * as v from 'valibot'
import type { Listener } from '../events/event.ts'
import type { Metrics } from '../events/metrics.ts'
import { printFailure } from '../events/print-failure.ts'
import { byKind, type Entries, hook, listOf, made, shape, type WithDefaults } from '../validation/shape.ts'

/** Options about events and metrics. */
export interface EventsOptions {
  /** Listeners. */
  on?: Listeners | undefined
  /** The metrics that `/metrics` serves, from `lockgate/events/prometheus`. Without them the path does not exist. */
  metrics?: Metrics | undefined
}

/** Functions that are called when something happens. */
export interface Listeners {
  /**
   * One function or several, called with every event. Events carry no tokens. Without any, failures are printed by
   * `console.error`.
   */
  event?: Listener | readonly Listener[] | undefined
}

const DEFAULTS = { on: {} } as const

export type EventsParsed = WithDefaults<EventsOptions, typeof DEFAULTS>

export const eventsEntries: Entries<EventsOptions, EventsParsed> = {
  on: v.optional(
    shape({
      event: v.optional(
        byKind<Listener | readonly Listener[]>(
          { function: hook(), list: listOf(hook<Listener>()) },
          'expected a function, or a list of functions',
        ),
      ),
    }),
    DEFAULTS.on,
  ),
  metrics: v.optional(made<Metrics>(['event', 'token', 'expose'], 'expected prometheus({ … })')),
}

export interface EventsSettings {
  readonly listeners: readonly Listener[]
  /** `true` if a listener hears more than failures. */
  readonly hearsRequests: boolean
  readonly metrics: Metrics | undefined
}

export const settleEvents = ({ on, metrics }: EventsParsed): EventsSettings => ({
  listeners: [on.event ?? printFailure, metrics?.event ?? []].flat(),
  // Without a listener only failures are printed, and nothing has to be measured for them.
  hearsRequests: on.event !== undefined || metrics !== undefined,
  metrics,
})
