import { afterAll, beforeAll } from 'vitest'
import { ms } from '../../src/timing.ts'

/**
 * Gives each operation of an engine in this process half a minute, for tests that ask what is stored and not how soon. A
 * busy machine may need more than the usual five seconds for sixty of them at once. Call it in a `describe`.
 */
export function allowSlowEngines(): void {
  const { storageEngine } = ms
  beforeAll(() => void Object.assign(ms, { storageEngine: 30_000 }))
  afterAll(() => void Object.assign(ms, { storageEngine }))
}
