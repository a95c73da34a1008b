import { dirname, resolve } from 'node:path'
import denoKvDriver from 'unstorage/drivers/deno-kv'
import type { Store, Versioned } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'
import { UnreadableRecord, ValueTooLarge } from '../../src/ports.ts'
import { within } from './deadline.ts'
import { type Closable, type Driver, decode, encode } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'
import { ownerOnly } from './owner-only.ts'
import { prepareFolder } from './private-folder.ts'
import { probe } from './probe.ts'
import { whileBusy } from './retry.ts'
import { sameFile } from './same-file.ts'

/** A Deno KV database, with the parts of it that are used. */
export interface DenoKv {
  get(key: readonly string[]): Promise<Entry>
  getMany(keys: readonly (readonly string[])[]): Promise<readonly Entry[]>
  set(key: readonly string[], value: string, options: { expireIn: number }): Promise<unknown>
  delete(key: readonly string[]): Promise<void>
  list(selector: { prefix: readonly string[] }): AsyncIterable<Entry>
  atomic(): {
    check(entry: Entry): ReturnType<DenoKv['atomic']>
    set(key: readonly string[], value: string, options: { expireIn: number }): ReturnType<DenoKv['atomic']>
    commit(): Promise<{ ok: boolean }>
  }
}

interface Entry {
  readonly key: readonly string[]
  readonly value: unknown
  readonly versionstamp: string | null
}

type OpenKv = (path?: string) => Promise<DenoKv>

interface Runtime {
  readonly Deno?: { readonly openKv?: OpenKv }
}

const NO_KV = 'Deno KV needs the flag --unstable-kv'

const BASE = 'lockgate'
/** Bytes of a value: Deno KV accepts 64 KiB, of which its encoding and our expiry take some. */
const LARGEST = 64 * 1024 - 80
/** Keys that Deno KV reads at once. */
const AT_ONCE = 10

/** The database to use: its path, or one that is open. */
export interface DenoKvOptions {
  /**
   * A file, readable by its owner only, or the URL of a remote database. By default the one that `Deno.openKv` opens
   * without a path.
   */
  readonly path?: string | undefined
  /** An open database instead of `path`. It stays yours: `close()` leaves it open. */
  readonly kv?: DenoKv | undefined
}

/**
 * Deno KV: a file next to your server, or the database of Deno Deploy. On Node through `@deno/kv`. `swap` is an atomic
 * operation that checks the versionstamp, right for every process. Deno itself needs `--unstable-kv`.
 *
 * The folder of the file is made at once. `createProxy` names it if this user may not write to it.
 */
export function denoKv(options: DenoKvOptions = {}): Store & Closable {
  let assertPlace = () => {}
  const open = async () => {
    if (options.kv) return options.kv
    const kv = await openKv(options.path)
    if (isFile(options.path)) assertPlace = sameFile(options.path)
    return kv
  }
  const driver = denoKvDriver({ openKv: () => open() as never }) as Driver
  const kv = async (): Promise<DenoKv> => (await driver.getInstance!()) as DenoKv
  const keyOf = (key: string) => [BASE, ...checkKey(key).split(':')]
  const run = <T>(work: (kv: DenoKv) => Promise<T>): Promise<T> =>
    within(
      whileBusy(async () => {
        const database = await kv()
        assertPlace()
        return work(database)
      }),
    )

  const isOwn = !options.kv && isFile(options.path)
  const { Deno } = globalThis as Runtime
  const store: Store & Closable = {
    ...(isOwn && prepareFolder(dirname(resolve(options.path!)))),
    ...(Deno && !Deno.openKv && !options.kv && { problem: NO_KV }),
    consistency: 'atomic',
    maxValueBytes: LARGEST,
    async get(key) {
      const name = keyOf(key)
      return versioned(await run((kv) => kv.get(name)), key)
    },
    async getMany(keys) {
      const names = keys.map(keyOf)
      const found: (Versioned | UnreadableRecord | undefined)[] = []
      for (let start = 0; start < names.length; start += AT_ONCE) {
        const entries = await run((kv) => kv.getMany(names.slice(start, start + AT_ONCE)))
        for (const [index, entry] of entries.entries()) found.push(readable(entry, keys[start + index]!))
      }
      return found
    },
    async set(key, value, ttl) {
      const name = keyOf(key)
      const text = write(value, ttl)
      await run((kv) => kv.set(name, text, { expireIn: milliseconds(ttl) }))
    },
    async swap(key, version, value, ttl) {
      const name = keyOf(key)
      const text = write(value, ttl)
      const found = await run((kv) => kv.get(name))
      const expected = decode(found.value, key) ? found.versionstamp! : undefined
      if (expected !== version) return false
      const { ok } = await run((kv) =>
        kv
          .atomic()
          .check(found)
          .set(name, text, { expireIn: milliseconds(ttl) })
          .commit(),
      )
      return ok
    },
    async delete(key) {
      const name = keyOf(key)
      await run((kv) => kv.delete(name))
    },
    async *keys(prefix) {
      const folder = folderOf(checkPrefix(prefix)).split(':').slice(0, -1)
      for await (const entry of (await run(kv)).list({ prefix: [BASE, ...folder] })) {
        const key = entry.key.slice(1).join(':')
        if (key.startsWith(prefix) && readable(entry, key)) yield key
      }
    },
    check: () => probe(store),
    close: async () => {
      if (options.kv === undefined) await driver.dispose!()
    },
  }
  return store
}

/** @throws {UnreadableRecord} For a record that this store did not write. */
function versioned({ value, versionstamp }: Entry, key: string): Versioned | undefined {
  const envelope = decode(value, key)
  return envelope && { value: envelope.value, version: versionstamp! }
}

function readable(entry: Entry, key: string): Versioned | UnreadableRecord | undefined {
  try {
    return versioned(entry, key)
  } catch (error) {
    if (error instanceof UnreadableRecord) return error
    throw error
  }
}

const milliseconds = (ttl: number): number => Math.max(1, Math.round(ttl * 1000))

/** @throws {ValueTooLarge} For a value that Deno KV does not accept. */
function write(value: unknown, ttl: number): string {
  const size = new TextEncoder().encode(JSON.stringify(value)).length
  if (size > LARGEST) throw new ValueTooLarge('Deno KV', size, LARGEST)
  return encode(value, ttl, '')
}

const isFile = (path: string | undefined): path is string =>
  path !== undefined && !/^(https?:|:memory:$)/.test(path)

/** @throws {StatedError} If there is no Deno KV, with what to do. */
async function openKv(path: string | undefined): Promise<DenoKv> {
  if (isFile(path)) await ownerOnly(path)
  const { Deno } = globalThis as Runtime
  if (Deno?.openKv) return Deno.openKv(path)
  if (Deno) throw new StatedError(NO_KV)
  const { openKv } = (await import('@deno/kv')) as unknown as { openKv: OpenKv }
  return openKv(path)
}
