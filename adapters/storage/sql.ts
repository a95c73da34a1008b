import type { Store } from '../../src/index.ts'
import type { Closable } from './driver.ts'
import { type SqlConnector, sqlStore } from './sql-store.ts'

export type { SqlConnector }

/**
 * PostgreSQL or SQLite through a db0 connector of your own choice; `postgres` and `sqlite` bring theirs. The table is
 * made where it is missing. `swap` is one statement, and so atomic for every process.
 *
 * @param options.connector Opened again when its connection is lost; a db0 database in its place is not.
 * @param options.table Its name; default `lockgate`.
 * @throws {TypeError} For another dialect, or a name that is more than letters, digits and `_`.
 */
export function sql(options: { connector: SqlConnector; table?: string }): Store & Closable {
  return sqlStore(async () => options.connector, { table: options.table })
}
