import kvDriver from 'unstorage/drivers/cloudflare-kv-binding'
import type { Store } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import type { Driver } from './driver.ts'
import { unstorage } from './unstorage.ts'

/** The part of a KV namespace that is used. */
export interface KvNamespace {
  get(key: string): Promise<string | null>
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>
  delete(key: string): Promise<void>
  list(options?: { prefix?: string; cursor?: string }): Promise<unknown>
}

export interface CloudflareKvOptions {
  /** Do not log at the start what KV cannot hold. */
  readonly acceptStaleness?: boolean
}

/** Seconds after which KV shows a write everywhere. */
const STALENESS = 60

/**
 * Cloudflare Workers KV, over unstorage's `cloudflare-kv-binding` driver.
 *
 * KV is eventually consistent and cannot compare and set. A write is seen at once where it was made, and elsewhere up to
 * 60 seconds later. For that long, a grant that was revoked in one place is valid in another. A code or a refresh token
 * that was used in one place can be used in another. After that it is refused, and a second use ends the grant. A provider
 * that replaces refresh tokens may end the sign-in of a user whose requests reach two places. Use `durableObject` if that
 * is not acceptable.
 *
 * @param binding The namespace, for instance `env.LOCKGATE`, or the name of a global.
 */
export function cloudflareKv(binding: KvNamespace | string, options: CloudflareKvOptions = {}): Store {
  if (!options.acceptStaleness) {
    console.warn(
      'lockgate: Cloudflare KV is up to 60 s behind in other places: a revoked grant is valid there for as long, a code can be used twice, and providers that replace refresh tokens may end sign-ins. Use durableObject, or set acceptStaleness.',
    )
  }
  const driver = kvDriver({ binding: binding as never }) as Driver
  const store = unstorage(
    {
      ...driver,
      setItem: (key, value, options) => untilAccepted(() => driver.setItem!(key, value, options)),
    },
    { consistency: 'eventual' },
  )
  return { ...store, staleness: STALENESS }
}

/** Writes again if KV refuses a key that was written within the last second. */
async function untilAccepted(write: () => unknown): Promise<void> {
  for (const pause of ms.kvWrite) {
    try {
      await write()
      return
    } catch (error) {
      if (!/\b429\b/.test(String(error))) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  await write()
}
