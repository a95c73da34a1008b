import { OAuthError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'
import type { OpenStream } from './passage.ts'
import { createStreamWatch, type Listening, type Standing } from './stream-watch.ts'

/** A request at an MCP server that has no response yet, or whose response is an event stream. */
export interface Exchange {
  /**
   * Goes on as an event stream.
   *
   * @param listening `true` if the stream only waits for what may come. Such a stream ends with its token or grant;
   * the response to a call may finish.
   */
  stream(listening: boolean): OpenStream
  /** Stops counting. May be called more than once. */
  closed(): void
}

/** Every open exchange, so that no user holds too many, and each event stream ends in time. */
export interface Streams {
  /**
   * @param bound `true` on a runtime that ties timers and streams to the request that made them, as Workers do.
   * @throws {OAuthError} `too_many_requests`
   */
  begin(standing: Standing, bound: boolean): Exchange
  /** Looks at the streams of a grant at once, because it changed. */
  recheck(grant: string): void
  /** Ends every stream that only waits. Clients open them again, at another instance or after a restart. */
  end(): void
}

/** The number of requests and streams that may be open at once. */
export interface StreamLimits {
  /** Of one user. */
  readonly streams: number
  /** Of all users. */
  readonly allStreams: number
}

/** The open exchanges of one user. */
interface Counter {
  open: number
}

/** The number of users from which those without an open exchange are forgotten. */
const FEWEST = 1000

const tooMany = (reason: 'limit-streams' | 'limit-all-streams') =>
  new OAuthError('too_many_requests', 'Too many streams are open, close some or try again later', {
    reason,
    retryAfter: seconds.retryStreams,
  })

/** @param limits Without limits, nothing is refused. */
export function createStreams(now: Clock, limits: StreamLimits | undefined): Streams {
  const watch = createStreamWatch(now)
  /** By user. A zero stays for a while: V8 rebuilds a map that adds and deletes a key with each request. */
  const counters = new Map<string, Counter>()
  let room = FEWEST
  /** Exchanges whose end may never be told: Workers drop a request's code when its client leaves. */
  const lossy = new Set<OneExchange>()
  let all = 0

  function counterOf(user: string): Counter {
    const before = counters.get(user)
    if (before) return before
    if (counters.size >= room) {
      for (const [one, { open }] of counters) if (open === 0) counters.delete(one)
      room = Math.max(FEWEST, counters.size * 2)
    }
    const counter = { open: 0 }
    counters.set(user, counter)
    return counter
  }

  /** Forgets exchanges whose request has ended without a word. */
  function sweep(): void {
    for (const exchange of lossy) if (now() - exchange.seenAt > seconds.streamSilent) exchange.closed()
  }

  function assertRoom(counter: Counter): void {
    if (!limits) return
    if (counter.open < limits.streams && all < limits.allStreams) return
    sweep()
    if (counter.open >= limits.streams) throw tooMany('limit-streams')
    if (all >= limits.allStreams) throw tooMany('limit-all-streams')
  }

  class OneExchange implements Exchange {
    /** When its request was last known to be alive, in seconds since the epoch. Of a lossy one only. */
    seenAt: number
    readonly #standing: Standing
    readonly #counter: Counter
    readonly #bound: boolean
    #isOpen = true
    #unwatch: (() => void) | undefined

    constructor(standing: Standing, counter: Counter, bound: boolean) {
      this.#standing = standing
      this.#counter = counter
      this.#bound = bound
      this.seenAt = bound ? now() : 0
      counter.open++
      all++
    }

    stream(listening: boolean): OpenStream {
      return {
        closed: () => this.closed(),
        onEnd: (end) => {
          if (listening && this.#isOpen) this.#watch(end)
        },
      }
    }

    #watch(end: () => void): void {
      const standing = this.#standing
      const stream: Listening = {
        standing: {
          ...standing,
          stands: () => {
            this.seenAt = now()
            return standing.stands()
          },
        },
        bound: this.#bound,
        end: () => {
          this.closed()
          end()
        },
      }
      const unwatch = watch.add(stream)
      if (this.#isOpen) this.#unwatch = unwatch
      else unwatch()
    }

    closed(): void {
      if (!this.#isOpen) return
      this.#isOpen = false
      this.#unwatch?.()
      if (this.#bound) lossy.delete(this)
      all--
      this.#counter.open--
    }
  }

  return {
    begin(standing, bound) {
      const counter = counterOf(standing.auth.user.id)
      assertRoom(counter)
      const exchange = new OneExchange(standing, counter, bound)
      if (bound) lossy.add(exchange)
      return exchange
    },
    recheck: watch.recheck,
    end: watch.endAll,
  }
}
