import { OAuthError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { ms, seconds } from '../timing.ts'
import type { OpenStream } from './passage.ts'

/** The admission that a request was let through with, as far as its stream's life depends on it. */
interface Standing {
  readonly auth: { readonly user: { readonly id: string } }
  readonly grant: string | undefined
  readonly expiresAt: number | undefined
  stands(): boolean | Promise<boolean>
}

/** A request at an MCP server that has no response yet, or whose response is an event stream. */
export interface Exchange {
  /**
   * Goes on as an event stream.
   *
   * @param listening `true` if the stream only waits for what may come. Such a stream ends with its token or grant;
   * a response to a call may finish.
   */
  stream(listening: boolean): OpenStream
  /** Stops counting. May be called more than once. */
  closed(): void
}

/** Every open event stream, so that each ends in time and no user holds too many. */
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

/** How many requests and streams may be open at once. */
export interface StreamLimits {
  /** Of one user. */
  readonly streams: number
  /** Of all users. */
  readonly allStreams: number
}

const tooMany = (reason: 'limit-streams' | 'limit-all-streams') =>
  new OAuthError('too_many_requests', 'Too many streams are open, close some or try again later', {
    reason,
    retryAfter: seconds.retryStreams,
  })

interface Listening {
  readonly standing: Standing
  readonly bound: boolean
  end(): void
}

/** @param limits Without limits, nothing is refused. */
export function createStreams(now: Clock, limits: StreamLimits | undefined): Streams {
  const counts = new Map<string, number>()
  const open = new Set<Listening>()
  let inAll = 0
  let timer: ReturnType<typeof setInterval> | undefined

  /** Ends a stream that has outlived its token or its grant. */
  function check(stream: Listening): void {
    const { standing } = stream
    const isExpired = standing.expiresAt !== undefined && standing.expiresAt <= now()
    const stands = !isExpired && standing.stands()
    if (!stands) stream.end()
    else if (stands !== true) {
      stands.then(
        (good) => good || stream.end(),
        // A storage failure says nothing about the grant. The token's expiry still ends the stream.
        () => {},
      )
    }
  }

  function checkAll(): void {
    for (const stream of open) if (!stream.bound) check(stream)
  }

  function watch(stream: Listening): () => void {
    open.add(stream)
    const own = stream.bound ? setInterval(() => check(stream), ms.streamCheck) : undefined
    if (!own && timer === undefined) timer = every(ms.streamCheck, checkAll)
    return () => {
      open.delete(stream)
      clearInterval(own)
      if (open.size > 0) return
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    begin(standing, bound) {
      const user = standing.auth.user.id
      const count = counts.get(user) ?? 0
      if (limits && count >= limits.streams) throw tooMany('limit-streams')
      if (limits && inAll >= limits.allStreams) throw tooMany('limit-all-streams')
      counts.set(user, count + 1)
      inAll++
      let isOpen = true
      let forget: (() => void) | undefined

      function closed(): void {
        if (!isOpen) return
        isOpen = false
        inAll--
        const left = (counts.get(user) ?? 1) - 1
        if (left > 0) counts.set(user, left)
        else counts.delete(user)
        forget?.()
      }

      return {
        closed,
        stream: (listening) => ({
          closed,
          onEnd(end) {
            if (!listening || !isOpen) return
            const stream: Listening = {
              standing,
              bound,
              end() {
                closed()
                end()
              },
            }
            forget = watch(stream)
            // The token may have expired, or the grant ended, while the MCP server prepared its response.
            check(stream)
          },
        }),
      }
    },
    recheck(grant) {
      for (const stream of open) if (!stream.bound && stream.standing.grant === grant) check(stream)
    },
    end() {
      for (const stream of [...open]) stream.end()
    },
  }
}

/** Repeats `work` without keeping a process alive for it. */
function every(milliseconds: number, work: () => void): ReturnType<typeof setInterval> {
  const timer = setInterval(work, milliseconds)
  ;(timer as { unref?(): void }).unref?.()
  return timer
}
