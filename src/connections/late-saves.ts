import { createBoundedMap } from '../bounded-map.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { KeepAlive, UpstreamTokens } from '../ports.ts'
import { ms } from '../timing.ts'
import type { Exchanged } from '../upstream/identity.ts'

/**
 * Responses of providers that the store did not take. Most providers accept a refresh token once, so a response that is
 * not saved would end the sign-in as soon as the old token is sent again.
 */
export interface LateSaves {
  /** Returns the response that replaced these tokens, if this process has it and could not save it yet. */
  of(key: GrantKey, tokens: UpstreamTokens): Exchanged | undefined
  /**
   * Goes on to save a response, once a second, after the request that waited for it has failed.
   *
   * @param save Resolves to `true` if it must be tried again.
   */
  begin(key: GrantKey, tokens: UpstreamTokens, next: Exchanged, save: () => Promise<boolean>): void
  /** Forgets a response that was saved. */
  end(key: GrantKey): void
}

/** Responses that are kept. Each is a few kilobytes. */
const LIMIT = 10_000

interface Unsaved {
  /** The access token that was replaced. */
  readonly replaced: string
  readonly next: Exchanged
}

/** Waits between two attempts. A process that has nothing else to do may end meanwhile. */
const pause = () =>
  new Promise<void>((resolve) => {
    const timer: unknown = setTimeout(resolve, ms.saveLatePause)
    ;(timer as { unref?(): void }).unref?.()
  })

export function createLateSaves(keepAlive: KeepAlive | undefined): LateSaves {
  const all = createBoundedMap<string, Unsaved>({ entries: LIMIT })

  async function goOn(name: string, unsaved: Unsaved, save: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + ms.saveLateWithin
    do await pause()
    while (all.get(name) === unsaved && performance.now() < until && (await save()))
    if (all.get(name) === unsaved) all.delete(name)
  }

  return {
    of(key, { accessToken }) {
      const unsaved = all.get(recordKey(key))
      return unsaved?.replaced === accessToken ? unsaved.next : undefined
    },
    begin(key, { accessToken: replaced }, next, save) {
      const unsaved = { replaced, next }
      all.set(recordKey(key), unsaved)
      const work = goOn(recordKey(key), unsaved, save)
      keepAlive?.(work)
    },
    end: (key) => void all.delete(recordKey(key)),
  }
}
