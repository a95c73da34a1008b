import denoKvDriver from 'unstorage/drivers/deno-kv'
import type { Store } from '../../src/index.ts'
import { within } from './deadline.ts'
import { type Closable, type Driver, decode, encode } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'
import { whileBusy } from './retry.ts'

/** A Deno KV database, with the parts of it that are used. */
export interface DenoKv {
  get(key: readonly string[]): Promise<Entry>
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

const BASE = 'lockgate'
/** What Deno KV takes for one value, in bytes; some of it goes on how the value is written. */
const LARGEST = 64 * 1024 - 16

/** The database to use: its path, or one that is open. */
export interface DenoKvOptions {
  /** A file, or the URL of a remote database. By default the one that `Deno.openKv` opens without a path. */
  readonly path?: string | undefined
  /** An open database instead of `path`. It stays yours: `close()` leaves it open. */
  readonly kv?: DenoKv | undefined
}

/**
 * Deno KV: a file beside your server, or the database of Deno Deploy. On Node through `@deno/kv`. `swap` is an atomic
 * operation that checks the versionstamp, right for every process. Deno itself needs `--unstable-kv`.
 */
export function denoKv(options: DenoKvOptions = {}): Store & Closable {
  const open = async () => options.kv ?? openKv(options.path)
  const driver = denoKvDriver({ openKv: () => open() as never }) as Driver
  const kv = async (): Promise<DenoKv> => (await driver.getInstance!()) as DenoKv
  const keyOf = (key: string) => [BASE, ...checkKey(key).split(':')]
  const run = <T>(work: (kv: DenoKv) => Promise<T>): Promise<T> =>
    within(whileBusy(async () => work(await kv())))

  return {
    consistency: 'atomic',
    async get(key) {
      const name = keyOf(key)
      const { value, versionstamp } = await run((kv) => kv.get(name))
      const envelope = decode(value, key)
      return envelope && { value: envelope.value, version: versionstamp! }
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
        if (key.startsWith(prefix) && decode(entry.value, key)) yield key
      }
    },
    close: async () => {
      if (options.kv === undefined) await driver.dispose!()
    },
  }
}

const milliseconds = (ttl: number): number => Math.max(1, Math.round(ttl * 1000))

/** @throws {RangeError} For more than the engine takes. */
function write(value: unknown, ttl: number): string {
  const text = encode(value, ttl, '')
  const size = new TextEncoder().encode(text).length
  if (size > LARGEST)
    throw new RangeError(`Deno KV takes 64 KiB in one record, and this one has ${size} bytes`)
  return text
}

/** @throws {TypeError} Where there is no Deno KV, saying how to get it. */
async function openKv(path: string | undefined): Promise<DenoKv> {
  const { Deno } = globalThis as { Deno?: { openKv?: OpenKv } }
  if (Deno?.openKv) return Deno.openKv(path)
  if (Deno) throw new TypeError('Deno KV needs the flag --unstable-kv')
  const { openKv } = (await import('@deno/kv')) as unknown as { openKv: OpenKv }
  return openKv(path)
}
