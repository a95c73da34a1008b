import type { Store } from '../../src/index.ts'
import type { Closable } from './driver.ts'
import { type SqlConnector, sqlStore } from './sql-store.ts'

export type { SqlConnector }

export interface SqlOptions {
  /** A db0 connector, which is opened again when its connection is lost, or a db0 database, which is not. */
  readonly connector: SqlConnector
  /**
   * The table. It is created if it does not exist.
   *
   * @default 'lockgate'
   */
  readonly table?: string | undefined
}

/**
 * PostgreSQL or SQLite through a db0 connector or database of your own. `postgres` and `sqlite` bring theirs. `swap` is
 * one statement, and so atomic for every process.
 *
 * @throws {TypeError} For another dialect, or a name that is more than letters, digits and `_`.
 */
export function sql(options: SqlOptions): Store & Closable {
  return sqlStore(async () => options.connector, { table: options.table })
}
