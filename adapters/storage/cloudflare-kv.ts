import kvDriver from 'unstorage/drivers/cloudflare-kv-binding'
import type { Store } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import type { Driver } from './driver.ts'
import { unstorage } from './unstorage.ts'

/** What is used of a KV namespace. */
export interface KvNamespace {
  get(key: string): Promise<string | null>
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>
  delete(key: string): Promise<void>
  list(options?: { prefix?: string; cursor?: string }): Promise<unknown>
}

/**
 * Cloudflare Workers KV, over unstorage's `cloudflare-kv-binding` driver.
 *
 * KV is eventually consistent and cannot compare and set. What that means here: a write is seen at once where it was
 * made, and elsewhere up to a minute later, so a grant revoked in one place lives on in another for as long; and two
 * requests that use one authorization code in two places at the same moment may both succeed. Refreshing stays safe,
 * since whoever refreshes comes to the same token. Where that is not enough, take `durableObject`.
 *
 * @param binding The namespace, `env.LOCKGATE` for instance, or the name of one that is a global.
 */
export function cloudflareKv(binding: KvNamespace | string): Store {
  const driver = kvDriver({ binding: binding as never }) as Driver
  return unstorage(
    { ...driver, setItem: (key, value, options) => patiently(() => driver.setItem!(key, value, options)) },
    { consistency: 'eventual' },
  )
}

async function patiently(write: () => unknown): Promise<void> {
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
