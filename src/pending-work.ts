import type { KeepAlive } from './ports.ts'

/** Work that may outlive the request that began it. */
export interface PendingWork {
  /** Counts work, and tells the runtime of it. */
  readonly keepAlive: KeepAlive
  /** Resolves once no work is under way. */
  settled(): Promise<void>
}

/** @param isBound Returns `true` if the runtime drops work with its request. Such work would never settle. */
export function createPendingWork(runtime: KeepAlive, isBound: () => boolean): PendingWork {
  let open = 0
  let waiting: (() => void)[] = []

  function done(): void {
    open--
    if (open > 0) return
    for (const resolve of waiting) resolve()
    waiting = []
  }

  return {
    keepAlive(work) {
      if (!isBound()) {
        open++
        work.then(done, done)
      }
      runtime(work)
    },
    async settled() {
      while (open > 0) await new Promise<void>((resolve) => waiting.push(resolve))
    },
  }
}
