import type { Store } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'

/** Seconds: a probe that could not be deleted expires. */
const TTL = 60

/**
 * Writes, reads, swaps and deletes a record.
 *
 * @throws {TypeError} If the store did not keep its word. Errors of the engine pass.
 */
export async function probe(store: Pick<Store, 'get' | 'set' | 'swap' | 'delete'>): Promise<void> {
  const key = `probe:${crypto.randomUUID()}`
  await store.set(key, 'first', TTL)
  const written = await store.get(key)
  const swapped = written !== undefined && (await store.swap(key, written.version, 'second', TTL))
  const again = written !== undefined && (await store.swap(key, written.version, 'third', TTL))
  const read = await store.get(key)
  await store.delete(key)
  if (!swapped || again || read?.value !== 'second') {
    throw new StatedError('the storage does not keep what is written to it')
  }
}
