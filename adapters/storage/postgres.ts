import postgresql from 'db0/connectors/postgresql'
import pg from 'pg'
import type { Store } from '../../src/index.ts'
import type { Closable } from './driver.ts'
import { type SqlConnector, sqlStore } from './sql-store.ts'

/**
 * PostgreSQL 9.5 or later, over db0 and pg (`npm install db0 pg`). Nothing connects before the first use; a server
 * that does not answer is an error within a few seconds.
 *
 * @param options.url `postgres://user:password@host[:port]/database`
 * @param options.table Default `lockgate`; made where it is missing.
 * @param options.connections How many this process opens at most; default 5.
 */
export function postgres(options: { url: string; table?: string; connections?: number }): Store & Closable {
  const { url, table, connections = 5 } = options
  const connector = postgresql({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 2500,
    query_timeout: 2500,
    lib: { Client: Pool },
  } as never) as SqlConnector
  return sqlStore(async () => connector, table)
}

/** Several connections behind what db0 takes for one: those that are lost are replaced. */
function Pool(config: object) {
  const pool = new pg.Pool(config)
  // A connection that is lost while nobody uses it is nobody's failure.
  pool.on('error', () => {})
  return {
    connect: async () => {},
    query: (text: string, params?: unknown[]) => pool.query(text, params),
    end: () => pool.end(),
  }
}
