import type { Store } from '../../src/index.ts'
import { within } from './deadline.ts'
import { type Closable, newVersion } from './driver.ts'
import { checkKey, checkPrefix } from './keys.ts'
import { whileLocked } from './retry.ts'

/** What is used of a [db0](https://db0.unjs.io/connectors) connector, or of a db0 database. */
export interface SqlConnector {
  readonly dialect: string
  exec(sql: string): unknown
  prepare(sql: string): { all(...params: (string | number)[]): Promise<unknown[]> }
  getInstance(): unknown
  dispose?(): unknown
}

/** How many writes there are between two looks for records that have expired. */
const SWEEP_EVERY = 50
/** How many records such a look removes at most. */
const SWEEP_LIMIT = 200

/**
 * A store over one table.
 *
 * @param connect Called at the first use, and again once a connection was lost.
 */
export function sqlStore(connect: () => Promise<SqlConnector>, table = 'lockgate'): Store & Closable {
  if (!/^[a-z_][a-z0-9_]{0,50}$/i.test(table))
    throw new TypeError('A table must be named by letters, digits and _')
  let opening: Promise<SqlConnector> | undefined
  let writes = 0

  async function open(): Promise<SqlConnector> {
    const connector = await connect()
    // A lost PostgreSQL connection says so by an event that would end the process if nobody listened.
    const instance = (await connector.getInstance()) as { on?(event: 'error', listener: () => void): void }
    instance.on?.('error', () => {
      if ('disposed' in connector) return
      opening = undefined
      void Promise.resolve(connector.dispose?.()).catch(() => {})
    })
    const create = schema(connector.dialect, table)
    // Who may write here need not be allowed to make tables.
    const look = `SELECT version FROM ${table} LIMIT 1`
    const exists = await whileLocked(async () => connector.prepare(look).all()).then(
      () => true,
      (error) => (isMissingTable(error) ? false : Promise.reject(error)),
    )
    for (const statement of exists ? [] : create) {
      // Two processes that make the same table at once: the second one finds it.
      await whileLocked(() => connector.exec(statement)).catch(() =>
        whileLocked(() => connector.exec(statement)),
      )
    }
    return connector
  }

  function run(text: string, ...params: (string | number)[]): Promise<readonly unknown[]> {
    opening ??= open().catch((error) => {
      opening = undefined
      throw error
    })
    const connector = opening
    return within(whileLocked(async () => (await connector).prepare(text).all(...params)))
  }

  /** Removes some of what has expired, now and then. No write waits for it. */
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

  return {
    consistency: 'atomic',
    async get(key) {
      const text = `SELECT version, value FROM ${table} WHERE key = ? AND expires_at > ?`
      const [row] = (await run(text, checkKey(key), Date.now())) as { version: string; value: string }[]
      return row && { value: JSON.parse(row.value), version: row.version }
    },
    async set(key, value, ttl) {
      await run(`${insert} RETURNING key`, checkKey(key), ...columns(value, ttl))
      sweep()
    },
    async swap(key, version, value, ttl) {
      const row = columns(value, ttl)
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
    },
    async delete(key) {
      await run(`DELETE FROM ${table} WHERE key = ? RETURNING key`, checkKey(key))
    },
    async *keys(prefix) {
      // No character of a key comes after a tilde.
      const text = `SELECT key FROM ${table} WHERE key >= ? AND key < ? AND expires_at > ?`
      const rows = (await run(text, checkPrefix(prefix), `${prefix}~`, Date.now())) as { key: string }[]
      for (const { key } of rows) yield key
    },
    async close() {
      const connector = await opening?.catch(() => undefined)
      opening = undefined
      await connector?.dispose?.()
    },
  }
}

/** Keys compare by their bytes, so that a range of them is what begins alike, and the index serves it. */
const COLLATION: Readonly<Record<string, string>> = { postgresql: '"C"', sqlite: 'BINARY', libsql: 'BINARY' }

/** @throws {TypeError} For a dialect whose statements are others. */
function schema(dialect: string, table: string): string[] {
  const collation = COLLATION[dialect]
  if (!collation) throw new TypeError(`${dialect} cannot be used here: take PostgreSQL or SQLite`)
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

/** As PostgreSQL says it, and as SQLite does. */
const isMissingTable = (error: unknown): boolean =>
  (error as { code?: unknown }).code === '42P01' || /no such table/.test(String(error))
