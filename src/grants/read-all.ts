import { type Store, UnreadableRecord, type Versioned } from '../ports.ts'

/** Records per read. */
const BATCH = 500

/** A record under its key. */
export interface Found {
  readonly name: string
  readonly found: Versioned | UnreadableRecord
}

/** Reads every record under a prefix, a batch at a time. The next batch is read while the caller works on one. */
export async function* readAll(store: Store, prefix: string): AsyncIterable<Found> {
  let under: Promise<readonly Found[]> | undefined
  for await (const names of inBatches(store.keys(prefix))) {
    const next = readBatch(store, names)
    // A failure is thrown when its batch is due, which may be never.
    next.catch(() => {})
    if (under) yield* await under
    under = next
  }
  if (under) yield* await under
}

async function* inBatches(names: AsyncIterable<string>): AsyncIterable<readonly string[]> {
  let batch: string[] = []
  for await (const name of names) {
    if (batch.push(name) < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function readBatch(store: Store, names: readonly string[]): Promise<readonly Found[]> {
  const found: Found[] = []
  const records = await (store.getMany?.(names) ?? readEach(store, names))
  for (const [index, name] of names.entries()) {
    const record = records[index]
    if (record) found.push({ name, found: record })
  }
  return found
}

async function readEach(store: Store, names: readonly string[]) {
  const records: (Versioned | UnreadableRecord | undefined)[] = []
  for (const name of names) records.push(await store.get(name).catch(unreadable))
  return records
}

function unreadable(error: unknown): UnreadableRecord {
  if (error instanceof UnreadableRecord) return error
  throw error
}
