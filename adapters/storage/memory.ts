import memoryDriver from 'unstorage/drivers/memory'
import type { Store } from '../../src/index.ts'
import { decode, encode, isLive, newVersion, open } from './driver.ts'
import { checkKey, checkPrefix } from './keys.ts'
import { createSweep } from './sweep.ts'

/**
 * The memory of this process, over unstorage's driver. A restart loses every grant. For development, tests and single
 * machines that may lose their grants.
 */
export function memory(): Store {
  const data = memoryDriver().getInstance!() as Map<string, string>

  const sweep = createSweep(
    async function* () {
      yield* data.keys()
    },
    async (key) => {
      const envelope = open(data.get(key), key)
      if (envelope && !isLive(envelope)) data.delete(key)
    },
  )

  function write(key: string, value: unknown, ttl: number): void {
    data.set(key, encode(value, ttl, newVersion()))
    sweep()
  }

  function read(key: string) {
    const envelope = decode(data.get(key), key)
    return envelope && { value: envelope.value, version: envelope.version }
  }

  // There is no await between the read and the write, so `swap` is atomic within the process.
  return {
    consistency: 'process',
    get: async (key) => read(checkKey(key)),
    set: async (key, value, ttl) => write(checkKey(key), value, ttl),
    swap: async (key, version, value, ttl) => {
      if (read(checkKey(key))?.version !== version) return false
      write(key, value, ttl)
      return true
    },
    delete: async (key) => {
      data.delete(checkKey(key))
    },
    async *keys(prefix) {
      checkPrefix(prefix)
      for (const key of [...data.keys()]) if (key.startsWith(prefix) && decode(data.get(key), key)) yield key
    },
  }
}
