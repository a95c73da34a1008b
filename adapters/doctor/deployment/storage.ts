import type { Store } from '../../../src/index.ts'
import { type Finding, fail, ok, show, warn } from '../finding.ts'

const ROUNDS = 5
/** Seconds: what is left behind where deleting fails is gone soon. */
const TTL = 60

/**
 * Writes a record, reads it back and deletes it; lets two writers race for one key.
 *
 * @param second Another connection to the same storage, where there can be one: that is who races in production.
 */
export async function storageFindings(
  store: Store,
  second: Store = store,
  timeout = 10_000,
): Promise<Finding[]> {
  const title = 'What is stored can be read'
  try {
    const trip = await inTime(roundTrip(store), timeout)
    return [trip, await inTime(race(store, second), timeout)]
  } catch (error) {
    return [
      fail('storage.round-trip', title, {
        seen: show(error instanceof Error ? error.message : 'an error'),
        expected: 'a record that is written, read and deleted',
        fix: 'Let this machine reach the storage with these credentials (in Lockgate: `storage`, LOCKGATE_STORAGE).',
      }),
    ]
  }
}

async function roundTrip(store: Store): Promise<Finding> {
  const [id, title] = ['storage.round-trip', 'What is stored can be read']
  const key = newKey()
  const value = { probe: crypto.randomUUID() }
  await store.set(key, value, TTL)
  const read = await store.get(key)
  await store.delete(key)
  const same = JSON.stringify(read?.value) === JSON.stringify(value)
  const gone = (await store.get(key)) === undefined
  if (same && gone) return ok(id, title)
  const lazy = store.consistency === 'eventual'
  return (lazy ? warn : fail)(id, title, {
    seen: same ? 'a deleted record is still there' : 'another value, or none',
    expected: lazy ? 'the same, within seconds' : 'the same at once',
    fix: 'Use a storage that keeps what it is given, and give no two deployments the same prefix.',
  })
}

async function race(store: Store, second: Store): Promise<Finding> {
  const [id, title] = ['storage.race', 'Of two writers one wins']
  let worst = 1
  for (let round = 0; round < ROUNDS; round++) {
    const key = newKey()
    const won = await Promise.all([store.swap(key, undefined, 1, TTL), second.swap(key, undefined, 2, TTL)])
    await store.delete(key)
    const winners = won.filter(Boolean).length
    if (winners !== 1) worst = winners
  }
  const seen = `${worst} of 2 writers won`
  if (store.consistency === 'eventual') {
    return warn(id, title, {
      seen: `${worst === 1 ? 'this storage is' : `${seen}: this storage is`} eventually consistent`,
      expected: 'compare-and-set across processes',
      fix: 'Use Redis, PostgreSQL, SQLite, Deno KV or a Durable Object where two processes must never both accept one code.',
    })
  }
  if (worst === 1) {
    return ok(
      id,
      title,
      store.consistency === 'process' ? 'within one process: run no second one' : 'across processes',
    )
  }
  return fail(id, title, {
    seen,
    expected: 'exactly one, in each round',
    fix: 'Use a storage with a true compare-and-set: with this one a stolen code or refresh token can be used twice.',
  })
}

/** In the shape of real keys, so that every storage takes it. */
const newKey = () => `grant:doctor:${crypto.randomUUID()}`

async function inTime<T>(work: Promise<T>, timeout: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeout / 1000} s`)), timeout)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
