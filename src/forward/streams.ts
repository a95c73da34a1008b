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
  /**
   * Open exchanges by user. A zero stays for a while, because V8 rebuilds a map that adds and deletes a key with each
   * request again and again.
   */
  const counts = new Map<string, number>()
  let room = FEWEST
  /** Exchanges whose end may never be told: Workers drop a request's code when its client leaves. */
  const lossy = new Set<OneExchange>()
  let all = 0

  function count(user: string): void {
    if (counts.size >= room && !counts.has(user)) {
      for (const [one, open] of counts) if (open === 0) counts.delete(one)
      room = Math.max(FEWEST, counts.size * 2)
    }
    counts.set(user, (counts.get(user) ?? 0) + 1)
    all++
  }

  /** Forgets exchanges whose request has ended without a word. */
  function sweep(): void {
    for (const exchange of lossy) if (now() - exchange.seenAt > seconds.streamSilent) exchange.closed()
  }

  function assertRoom(user: string): void {
    if (!limits) return
    const isFull = () => (counts.get(user) ?? 0) >= limits.streams
    if (!isFull() && all < limits.allStreams) return
    sweep()
    if (isFull()) throw tooMany('limit-streams')
    if (all >= limits.allStreams) throw tooMany('limit-all-streams')
  }

  class OneExchange implements Exchange {
    /** When its request was last known to be alive, in seconds since the epoch. */
    seenAt = now()
    readonly #standing: Standing
    readonly #bound: boolean
    #isOpen = true
    #unwatch: (() => void) | undefined

    constructor(standing: Standing, bound: boolean) {
      this.#standing = standing
      this.#bound = bound
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
      const { id } = this.#standing.auth.user
      counts.set(id, (counts.get(id) ?? 1) - 1)
    }
  }

  return {
    begin(standing, bound) {
      const { id } = standing.auth.user
      assertRoom(id)
      count(id)
      const exchange = new OneExchange(standing, bound)
      if (bound) lossy.add(exchange)
      return exchange
    },
    recheck: watch.recheck,
    end: watch.endAll,
  }
}
