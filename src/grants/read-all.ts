import { type Store, UnreadableRecord, type Versioned } from '../ports.ts'

/** Records per read. */
const BATCH = 500

/** A record under its key. */
export interface Found {
  readonly name: string
  readonly found: Versioned | UnreadableRecord
}

/** Reads every record under a prefix, a batch at a time, as the caller asks for more. */
export async function* readAll(store: Store, prefix: string): AsyncIterable<Found> {
  let batch: string[] = []
  for await (const name of store.keys(prefix)) {
    batch.push(name)
    if (batch.length < BATCH) continue
    yield* readBatch(store, batch)
    batch = []
  }
  yield* readBatch(store, batch)
}

async function* readBatch(store: Store, names: readonly string[]): AsyncIterable<Found> {
  if (names.length === 0) return
  if (!store.getMany) {
    for (const name of names) {
      const found = await store.get(name).catch(unreadable)
      if (found) yield { name, found }
    }
    return
  }
  const records = await store.getMany(names)
  for (const [index, name] of names.entries()) {
    const found = records[index]
    if (found) yield { name, found }
  }
}

function unreadable(error: unknown): UnreadableRecord {
  if (error instanceof UnreadableRecord) return error
  throw error
}
