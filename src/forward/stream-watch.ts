import type { Clock } from '../ports.ts'
import { ms } from '../timing.ts'

/** The parts of an admission that the life of a stream depends on. */
export interface Standing {
  readonly auth: { readonly user: { readonly id: string } }
  /** `true` for a caller without a token. */
  readonly isAnonymous?: boolean | undefined
  /** `<user>.<id>` of the grant. */
  readonly grant: string | undefined
  /** Seconds since the epoch. */
  readonly expiresAt: number | undefined
  stands(): boolean | Promise<boolean>
}

/** An event stream that waits for what may come, and that must end with its token or its grant. */
export interface Listening {
  readonly standing: Standing
  /** `true` on a runtime that ties timers and streams to the request that made them, as Workers do. */
  readonly bound: boolean
  end(): void
}

/** All such streams of a process. */
export interface StreamWatch {
  /** Watches a stream. Returns the function that stops watching. */
  add(stream: Listening): () => void
  /** Looks at the streams of a grant at once. */
  recheck(grant: string): void
  endAll(): void
}

/** Creates a watch with one timer for all streams, however many there are. */
export function createStreamWatch(now: Clock): StreamWatch {
  const streams = new Set<Listening>()
  let timer: ReturnType<typeof setInterval> | undefined

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
    for (const stream of streams) if (!stream.bound) check(stream)
  }

  return {
    add(stream) {
      streams.add(stream)
      const own = stream.bound ? setInterval(() => check(stream), ms.streamCheck) : undefined
      if (!own) timer ??= every(ms.streamCheck, checkAll)
      // The token may have expired, or the grant ended, while the MCP server prepared its response.
      check(stream)
      return () => {
        streams.delete(stream)
        clearInterval(own)
        if (streams.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
    recheck(grant) {
      for (const stream of streams) if (!stream.bound && stream.standing.grant === grant) check(stream)
    },
    endAll() {
      for (const stream of [...streams]) stream.end()
    },
  }
}

/** Repeats `work` without keeping a process alive for it. */
function every(milliseconds: number, work: () => void): ReturnType<typeof setInterval> {
  const timer = setInterval(work, milliseconds)
  ;(timer as { unref?(): void }).unref?.()
  return timer
}
