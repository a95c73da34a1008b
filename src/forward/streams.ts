import { OAuthError } from '../errors.ts'
import type { Settings } from '../options/options.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'
import type { OpenStream } from './passage.ts'
import { createStreamWatch, type Listening, type Standing } from './stream-watch.ts'

/** A request at an MCP server that has no response yet, or whose response is an event stream. */
export interface Exchange {
  /**
   * Counts a chunk of the request's body, which stays in memory until the exchange is closed.
   *
   * @returns `false` if the bodies of all requests, or of this caller, leave no room for it. The chunk must be dropped.
   */
  hold(bytes: number): boolean
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

/** The settings that decide how many requests and streams may be open at once. */
type StreamSettings = Pick<Settings, 'limits' | 'guarded'>

/** The open exchanges of one user, or of several, and the bytes of their bodies. */
interface Counter {
  open: number
  bytes: number
  /** All callers without a token, if this is one of them. */
  readonly group: Counter | undefined
}

const emptyCounter = (group?: Counter): Counter => ({ open: 0, bytes: 0, group })

/** Bytes of bodies that are held at once, unless that is less than eight of the largest. */
const ROOM = 67_108_864

/** Bytes of each body that need no room. Ordinary messages pass while uploads fill the memory. */
const FREE = 4096

/** Bytes that a chunk takes in addition to its own. A body of a megabyte may come in a million chunks. */
const CHUNK = 256

/** The number of users from which those without an open exchange are forgotten. */
const FEWEST = 1000

const tooMany = (reason: 'limit-streams' | 'limit-all-streams') =>
  new OAuthError('too_many_requests', 'Too many streams are open, close some or try again later', {
    reason,
    retryAfter: seconds.retryStreams,
  })

/** Without limits in the settings, nothing is refused. */
export function createStreams(now: Clock, { limits, guarded }: StreamSettings): Streams {
  const room = Math.max(ROOM, ...guarded.map(({ inspection }) => (inspection?.limit ?? 0) * 8))
  const watch = createStreamWatch(now)
  /** By user. A zero stays for a while: V8 rebuilds a map that adds and deletes a key with each request. */
  const counters = new Map<string, Counter>()
  let fullAt = FEWEST
  /** Exchanges whose end may never be told: Workers drop a request's code when its client leaves. */
  const lossy = new Set<OneExchange>()
  const all = emptyCounter()
  /** Of all callers without a token. They get half of everything, so that they cannot lock out users. */
  const strangers = emptyCounter()

  function counterOf({ auth, isAnonymous }: Standing): Counter {
    const user = auth.user.id
    const before = counters.get(user)
    if (before) return before
    if (counters.size >= fullAt) {
      for (const [one, { open }] of counters) if (open === 0) counters.delete(one)
      fullAt = Math.max(FEWEST, counters.size * 2)
    }
    const counter = emptyCounter(isAnonymous ? strangers : undefined)
    counters.set(user, counter)
    return counter
  }

  /** Forgets exchanges whose request has ended without a word. */
  function sweep(): void {
    for (const exchange of lossy) if (now() - exchange.seenAt > seconds.streamSilent) exchange.closed()
  }

  function assertRoom(counter: Counter): void {
    if (!limits) return
    const { streams, allStreams } = limits
    const { group } = counter
    const isFull = () => all.open >= allStreams || (group !== undefined && group.open >= allStreams / 2)
    if (counter.open < streams && !isFull()) return
    sweep()
    if (counter.open >= streams) throw tooMany('limit-streams')
    if (isFull()) throw tooMany('limit-all-streams')
  }

  function add(counter: Counter, exchanges: number, bytes: number): void {
    counter.open += exchanges
    counter.bytes += bytes
    all.open += exchanges
    all.bytes += bytes
    const { group } = counter
    if (!group) return
    group.open += exchanges
    group.bytes += bytes
  }

  const fits = ({ bytes, group }: Counter, more: number): boolean =>
    bytes + more <= room / 4 &&
    all.bytes + more <= room &&
    (group === undefined || group.bytes + more <= room / 2)

  class OneExchange implements Exchange {
    /** When its request was last known to be alive, in seconds since the epoch. Of a lossy one only. */
    seenAt: number
    readonly #standing: Standing
    readonly #counter: Counter
    readonly #bound: boolean
    #isOpen = true
    /** Bytes of the body, and those of them that take room. */
    #size = 0
    #held = 0
    #unwatch: (() => void) | undefined

    constructor(standing: Standing, counter: Counter, bound: boolean) {
      this.#standing = standing
      this.#counter = counter
      this.#bound = bound
      this.seenAt = bound ? now() : 0
      add(counter, 1, 0)
    }

    hold(bytes: number): boolean {
      if (!this.#isOpen) return false
      if (this.#bound) this.seenAt = now()
      this.#size += bytes + CHUNK
      const more = Math.max(0, this.#size - FREE) - this.#held
      if (limits && !fits(this.#counter, more)) {
        sweep()
        if (!fits(this.#counter, more)) return false
      }
      this.#held += more
      add(this.#counter, 0, more)
      return true
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
      add(this.#counter, -1, -this.#held)
    }
  }

  return {
    begin(standing, bound) {
      const counter = counterOf(standing)
      assertRoom(counter)
      const exchange = new OneExchange(standing, counter, bound)
      if (bound) lossy.add(exchange)
      return exchange
    },
    recheck: watch.recheck,
    end: watch.endAll,
  }
}
