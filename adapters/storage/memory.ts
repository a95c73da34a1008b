import memoryDriver from 'unstorage/drivers/memory'
import type { Store } from '../../src/index.ts'
import { decode, encode, newVersion } from './driver.ts'

/** How many writes there are between two looks for records that have expired. */
const SWEEP_EVERY = 1000

/**
 * Memory of this process, over unstorage's driver: everything ends with it. For development, tests and single
 * machines that may lose their grants.
 */
export function memory(): Store {
  const data = memoryDriver().getInstance!() as Map<string, string>
  let writes = 0

  function write(key: string, value: unknown, ttl: number): void {
    data.set(key, encode(value, ttl, newVersion()))
    if (++writes % SWEEP_EVERY === 0) sweep()
  }

  function sweep(): void {
    for (const [key, text] of data) if (!decode(text)) data.delete(key)
  }

  function read(key: string) {
    const envelope = decode(data.get(key))
    return envelope && { value: envelope.value, version: envelope.version }
  }

  // Nothing waits between look and write, so within the process `swap` is atomic.
  return {
    consistency: 'process',
    get: async (key) => read(key),
    set: async (key, value, ttl) => write(key, value, ttl),
    swap: async (key, version, value, ttl) => {
      if (read(key)?.version !== version) return false
      write(key, value, ttl)
      return true
    },
    delete: async (key) => {
      data.delete(key)
    },
    async *keys(prefix) {
      for (const key of [...data.keys()]) if (key.startsWith(prefix) && decode(data.get(key))) yield key
    },
  }
}
