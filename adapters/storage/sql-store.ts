import type { Store, Versioned } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'
import { UnreadableRecord } from '../../src/ports.ts'
import { within } from './deadline.ts'
import { type Closable, newVersion } from './driver.ts'
import { checkKey, checkPrefix } from './keys.ts'
import { probe } from './probe.ts'
import { whileBusy } from './retry.ts'

/** The part of a [db0](https://db0.unjs.io/connectors) connector, or of a db0 database, that is used. */
export interface SqlConnector {
  readonly dialect: string
  exec(sql: string): unknown
  prepare(sql: string): { all(...params: (string | number)[]): Promise<unknown[]> }
  getInstance(): unknown
  dispose?(): unknown
}

/** Writes between two removals of expired records. */
const SWEEP_EVERY = 50
/** Records that one such removal takes at most. */
const SWEEP_LIMIT = 200
/** Keys per step of a listing. */
const PAGE = 1000

interface Row {
  readonly key: string
  readonly version: string
  readonly value: string
}

/**
 * A store over one table.
 *
 * @param connect Called at the first use, and again after a connection was lost.
 * @param options.table Default `lockgate`.
 * @param options.explain Returns what an operator can do about an error.
 * @param options.assertPlace Throws if the database is no longer where it was opened. Called before every statement.
 */
export function sqlStore(
  connect: () => Promise<SqlConnector>,
  options: {
    table?: string | undefined
    explain?: (error: unknown) => string | undefined
    assertPlace?: () => void
  } = {},
): Store & Closable {
  const { table = 'lockgate', explain, assertPlace } = options
  if (!/^[a-z_][a-z0-9_]{0,50}$/i.test(table)) {
    throw new TypeError('`table` may contain letters, digits and _, and begins with no digit')
  }
  let opening: Promise<SqlConnector> | undefined
  let writes = 0

  async function open(): Promise<SqlConnector> {
    const connector = await connect()
    // A lost PostgreSQL connection emits an event that ends the process if nothing listens to it.
    const instance = (await connector.getInstance()) as { on?(event: 'error', listener: () => void): void }
    instance.on?.('error', () => {
      if ('disposed' in connector) return
      opening = undefined
      void Promise.resolve(connector.dispose?.()).catch(() => {})
    })
    const create = schema(connector.dialect, table)
    // A user who may write here need not be allowed to create tables.
    const look = `SELECT version FROM ${table} LIMIT 1`
    const exists = await whileBusy(async () => connector.prepare(look).all()).then(
      () => true,
      (error) => (isMissingTable(error) ? false : Promise.reject(error)),
    )
    for (const statement of exists ? [] : create) {
      // Two processes may create the same table at once. The second one then finds it.
      await whileBusy(() => connector.exec(statement)).catch(() => whileBusy(() => connector.exec(statement)))
    }
    return connector
  }

  function run(text: string, ...params: (string | number)[]): Promise<readonly unknown[]> {
    opening ??= open().catch((error) => {
      opening = undefined
      throw error
    })
    const connector = opening
    return within(
      whileBusy(async () => {
        const database = await connector
        assertPlace?.()
        return database.prepare(text).all(...params)
      }),
    )
  }

  /** Removes some expired records now and then. No write waits for it. */
  function sweep(): void {
    if (++writes % SWEEP_EVERY !== 0) return
    const now = Date.now()
    const expired = `SELECT key FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ${SWEEP_LIMIT}`
    run(`DELETE FROM ${table} WHERE key IN (${expired}) AND expires_at <= ? RETURNING key`, now, now).catch(
      () => {},
    )
  }

  const columns = (value: unknown, ttl: number): [version: string, end: number, text: string] => [
    newVersion(),
    Math.round(Date.now() + ttl * 1000),
    JSON.stringify(value),
  ]
  const insert = `INSERT INTO ${table} (key, version, expires_at, value) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at, value = excluded.value`

  const store: Store & Closable = {
    consistency: 'atomic',
    async get(key) {
      const text = `SELECT key, version, value FROM ${table} WHERE key = ? AND expires_at > ?`
      const [row] = (await run(text, checkKey(key), Date.now())) as Row[]
      const found = row && decode(row)
      if (found instanceof UnreadableRecord) throw found
      return found
    },
    async getMany(keys) {
      if (keys.length === 0) return []
      const marks = keys.map(() => '?').join(', ')
      const text = `SELECT key, version, value FROM ${table} WHERE key IN (${marks}) AND expires_at > ?`
      const rows = (await run(text, ...keys.map(checkKey), Date.now())) as Row[]
      const found = new Map(rows.map((row) => [row.key, decode(row)]))
      return keys.map((key) => found.get(key))
    },
    async set(key, value, ttl) {
      await run(`${insert} RETURNING key`, checkKey(key), ...columns(value, ttl))
      sweep()
    },
    async swap(key, version, value, ttl) {
      const row = columns(value, ttl)
      try {
        const written = await (version === undefined
          ? run(`${insert} WHERE ${table}.expires_at <= ? RETURNING key`, checkKey(key), ...row, Date.now())
          : run(
              `UPDATE ${table} SET version = ?, expires_at = ?, value = ?
                WHERE key = ? AND version = ? AND expires_at > ? RETURNING key`,
              ...row,
              checkKey(key),
              version,
              Date.now(),
            ))
        sweep()
        return written.length === 1
      } catch (error) {
        // The connection may have been lost after the write.
        if (!(error instanceof TypeError) && (await hasVersion(key, row[0]))) return true
        throw error
      }
    },
    async delete(key) {
      await run(`DELETE FROM ${table} WHERE key = ? RETURNING key`, checkKey(key))
    },
    async *keys(prefix) {
      // Every character of a key comes before a tilde.
      const page = (from: '>=' | '>', key: string) =>
        run(
          `SELECT key FROM ${table} WHERE key ${from} ? AND key < ? AND expires_at > ? ORDER BY key LIMIT ${PAGE}`,
          key,
          `${prefix}~`,
          Date.now(),
        ) as Promise<Row[]>
      let rows = await page('>=', checkPrefix(prefix))
      for (;;) {
        for (const { key } of rows) yield key
        if (rows.length < PAGE) return
        rows = await page('>', rows[rows.length - 1]!.key)
      }
    },
    async check() {
      await probe(store).catch((error) => {
        const text = explain?.(error)
        throw text === undefined ? error : new StatedError(text, { cause: error })
      })
    },
    async close() {
      const connector = await opening?.catch(() => undefined)
      opening = undefined
      await connector?.dispose?.()
    },
  }

  const hasVersion = (key: string, version: string): Promise<boolean> =>
    run(`SELECT key FROM ${table} WHERE key = ? AND version = ?`, key, version).then(
      (rows) => rows.length === 1,
      () => false,
    )

  return store
}

/** The text of a record is JSON that this store wrote, unless another program changed it. A parser's error would quote it. */
function decode({ key, version, value }: Row): Versioned | UnreadableRecord {
  try {
    return { value: JSON.parse(value), version }
  } catch {
    return new UnreadableRecord(key)
  }
}

/** Compares keys by their bytes, so that keys with one beginning are a range, which the index serves. */
const COLLATION: Readonly<Record<string, string>> = { postgresql: '"C"', sqlite: 'BINARY', libsql: 'BINARY' }

/** @throws {TypeError} For a dialect with other statements. */
function schema(dialect: string, table: string): string[] {
  const collation = COLLATION[dialect]
  if (!collation) throw new TypeError(`${dialect} is not supported: use PostgreSQL or SQLite`)
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (
      key TEXT COLLATE ${collation} PRIMARY KEY,
      version TEXT NOT NULL,
      expires_at BIGINT NOT NULL,
      value TEXT NOT NULL
    )`,
    `CREATE INDEX IF NOT EXISTS ${table}_expires_at ON ${table} (expires_at)`,
  ]
}

/** Recognises the error of PostgreSQL and of SQLite. */
const isMissingTable = (error: unknown): boolean =>
  (error as { code?: unknown }).code === '42P01' || /no such table/.test(String(error))
