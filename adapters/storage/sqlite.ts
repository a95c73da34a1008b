import { dirname, resolve } from 'node:path'
import type { Store } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'
import type { Closable } from './driver.ts'
import { ownerOnly } from './owner-only.ts'
import { prepareFolder } from './private-folder.ts'
import { whileBusy } from './retry.ts'
import { sameFile } from './same-file.ts'
import { type SqlConnector, sqlStore } from './sql-store.ts'

export interface SqliteOptions {
  /** The file. It is created if it does not exist, readable by its owner only. */
  readonly path: string
  /**
   * The table. It is created if it does not exist.
   *
   * @default 'lockgate'
   */
  readonly table?: string | undefined
}

/**
 * A SQLite file, for one machine with any number of processes, over db0 (`npm install db0`). Needs the SQLite of the
 * runtime: Node 22.5 or later, Bun, or Deno 2.2 or later. For a database that is already open use `sql` of
 * `lockgate/storage/sql`.
 *
 * The folder of the file is made at once. `createProxy` names it if this user may not write to it.
 */
export function sqlite(options: SqliteOptions): Store & Closable {
  const path = resolve(options.path)
  let assertPlace = () => {}
  const store = sqlStore(
    async () => {
      const connector = await connectorFor(path)
      await ownerOnly(path)
      // A wait inside SQLite stops the whole process, so longer waits are outside.
      await whileBusy(() => connector.exec('PRAGMA busy_timeout = 20'))
      await whileBusy(() => connector.exec('PRAGMA journal_mode = WAL'))
      assertPlace = sameFile(path)
      return connector
    },
    { table: options.table, explain: (error) => explain(path, error), assertPlace: () => assertPlace() },
  )
  return { ...store, ...prepareFolder(dirname(path)) }
}

/** Returns what is wrong with the file, or `undefined` for any other failure. */
function explain(path: string, error: unknown): string | undefined {
  const { code, message } = error as { code?: string; message?: string }
  const failed = /^E[A-Z]+$/.test(code ?? '')
    ? code
    : /readonly|unable to open|disk/i.exec(message ?? '')?.[0]
  return failed && `cannot write to ${path} (${failed}): this user must be able to write to it and its folder`
}

/** @throws {TypeError} If the runtime has no SQLite. */
async function connectorFor(path: string): Promise<SqlConnector> {
  const runtime = globalThis as {
    Bun?: unknown
    process?: { getBuiltinModule?(name: string): unknown; version?: string }
  }
  if (runtime.Bun) return (await import('db0/connectors/bun-sqlite')).default({ path }) as SqlConnector
  if (!runtime.process?.getBuiltinModule?.('node:sqlite')) {
    throw new StatedError(
      `SQLite needs Node 22.5 or later, Bun or Deno; this is Node ${runtime.process?.version}`,
    )
  }
  return (await import('db0/connectors/node-sqlite')).default({ path }) as SqlConnector
}
