import postgresql from 'db0/connectors/postgresql'
import pg from 'pg'
import type { Store } from '../../src/index.ts'
import { ms, parseUrl } from '../../src/internal.ts'
import { partOf } from './deployment.ts'
import type { Closable } from './driver.ts'
import { type SqlConnector, sqlStore } from './sql-store.ts'
import { checkParameters } from './url-parameters.ts'

/** A pool of pg, with the parts of it that are used. Structural, so that importers do not need pg's own types. */
export interface PostgresPool {
  connect(): Promise<{
    query(text: string, params?: unknown[]): Promise<{ readonly rows: unknown[] }>
    release(error?: Error): void
    on?(event: 'error', listener: () => void): unknown
    off?(event: 'error', listener: () => void): unknown
  }>
}

type PostgresClient = Awaited<ReturnType<PostgresPool['connect']>>

/** The server to use: its URL, or a pool that connects to it. */
export interface PostgresOptions {
  /** `postgres://user:password@host[:port]/database`. */
  readonly url?: string | undefined
  /**
   * A `pg.Pool` instead of `url`, to share connections or for settings of your own. It stays yours: `close()` leaves it
   * open. Set `statement_timeout` and `lock_timeout` on it, because a statement otherwise waits for as long as the server.
   */
  readonly pool?: PostgresPool | undefined
  /**
   * The table; created if it does not exist. By default `lockgate`, and deployments that share the database are kept apart
   * by their public URL. With a name they are not: give each its own.
   */
  readonly table?: string | undefined
  /**
   * The largest number of connections that this process opens to `url`. Requests wait for one up to 2.5 seconds.
   *
   * @default 5
   */
  readonly connections?: number | undefined
}

/** The parameters of a URL that pg takes, or that libpq does. */
const PARAMETERS = [
  'application_name channel_binding client_encoding connect_timeout database dbname',
  'fallback_application_name gssencmode host hostaddr idle_in_transaction_session_timeout',
  'keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts',
  'lock_timeout options passfile password port query_timeout replication require_auth service ssl',
  'sslcert sslcompression sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert',
  'statement_timeout target_session_attrs tcp_user_timeout uselibpqcompat user',
].flatMap((line) => line.split(' '))

/**
 * PostgreSQL 9.5 or later, over db0 and pg (`npm install db0 pg`). `swap` is one statement, and so atomic for every process.
 *
 * Nothing connects before the first use. The server ends a statement that runs, or waits for a lock, for longer than two
 * seconds. A pooler that refuses such a setting, as PgBouncer does, is used without it.
 *
 * @throws {TypeError} For a table name that is more than letters, digits and `_`, or if neither or both of `url` and `pool`
 * are given.
 */
export function postgres(options: PostgresOptions): Store & Closable {
  const { url, pool: own, table, connections = 5 } = options
  if ((url === undefined) === (own === undefined))
    throw new TypeError('PostgreSQL needs either `url` or `pool`')
  const address = url === undefined ? undefined : parseUrl(url)
  if (address) checkParameters(address, PARAMETERS)
  let limited = true
  const pool = own
    ? borrowPool(own)
    : createPool(url ?? '', connections, (value) => {
        limited = value
      })
  // db0 calls it with `new`.
  function Client() {
    return pool
  }
  const connector = postgresql({ lib: { Client } } as never) as SqlConnector
  const store: Store & Closable = {
    ...sqlStore(async () => connector, { table, explain: explainPostgres }),
    ...(table === undefined && { forIssuer: (issuer: string) => partOf(store, issuer) }),
    async warnings() {
      return limited
        ? []
        : [
            'The pooler in front of PostgreSQL refuses statement_timeout: set statement_timeout and lock_timeout for the database user (ALTER ROLE … SET), or list them in ignore_startup_parameters of PgBouncer',
          ]
    },
  }
  return store
}

/** Makes the one connection that db0 expects of a pool that belongs to the application. */
const borrowPool = (pool: PostgresPool) => ({
  connect: async () => {},
  query: async (text: string, params?: unknown[]) => run(await pool.connect(), text, params),
  end: async () => {},
})

/** Runs a statement on a connection, and gives it back. Only an error of the statement leaves the connection usable. */
async function run(client: PostgresClient, text: string, params?: unknown[]) {
  client.on?.('error', ignore)
  try {
    const result = await client.query(text, params)
    client.off?.('error', ignore)
    client.release()
    return result
  } catch (error) {
    const isUsable = isStatementError(error)
    if (isUsable) client.off?.('error', ignore)
    client.release(isUsable ? undefined : (error as Error))
    throw error
  }
}

/**
 * A connection that is lost while a statement runs, or while it opens, says so twice: the promise rejects, and an event
 * follows. Node ends the process at an `error` event without a listener.
 */
const ignore = () => {}

/** Several connections in place of the one that db0 expects. Those that are lost are replaced. */
function createPool(url: string, max: number, setLimited: (value: boolean) => void) {
  const config: pg.PoolConfig = {
    connectionString: url,
    max,
    keepAlive: true,
    connectionTimeoutMillis: ms.sqlConnect,
    // Longer than the server's own limits, so that its response is known if there is one.
    query_timeout: ms.sqlQuery,
  }
  const limits = { statement_timeout: ms.sqlStatement, lock_timeout: ms.sqlStatement }
  let limited = true
  let pool = open({ ...config, ...limits })

  /** Opens new connections instead of those of a pool that cannot be used. */
  function replace(used: pg.Pool): void {
    if (pool !== used) return
    pool = open(limited ? { ...config, ...limits } : config)
    void used.end()
  }

  async function connect(used: pg.Pool): Promise<pg.PoolClient> {
    try {
      return await used.connect()
    } catch (error) {
      if (!isRefusedSetting(error)) throw error
      limited = false
      setLimited(false)
      replace(used)
      return pool.connect()
    }
  }

  return {
    connect: async () => {},
    async query(text: string, params?: unknown[]) {
      const used = pool
      try {
        return await run(await connect(used), text, params)
      } catch (error) {
        // The server responds within its own limits. Without a response the network is silent, and on the idle
        // connections too. If a pooler refused the limits, a statement may as well wait for a lock. Then all connections
        // are busy soon, and more of them would not help.
        if (isTimeout(error) && (limited || used.idleCount > 0)) replace(used)
        throw error
      }
    },
    end: () => pool.end(),
  }
}

function open(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, Client: QuietClient })
  // A connection that is lost while it is idle affects no request.
  pool.on('error', ignore)
  return pool
}

/** A connection of our own pool. Its loss is known from the statement that fails. */
class QuietClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    this.on('error', ignore)
  }
}

const isRefusedSetting = (error: unknown): boolean =>
  /startup parameter|statement_timeout|lock_timeout/.test((error as Error).message)

const isTimeout = (error: unknown): boolean => /read timeout/i.test((error as Error).message)

/** A server that was demoted refuses writes for as long as the connection lasts. */
const isStatementError = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.severity === 'ERROR' && error.code !== '25006'

const CODES: Readonly<Record<string, string>> = {
  '25006': 'PostgreSQL is a standby, which cannot be written: use the address of its primary',
  '28000': 'PostgreSQL refuses the user or its way to sign in: see pg_hba.conf',
  '28P01': 'PostgreSQL refuses the user name or the password',
  '3D000': 'PostgreSQL has no such database: create it',
  '42501':
    'the PostgreSQL user may not use the table: grant it SELECT, INSERT, UPDATE and DELETE, and CREATE on the schema for the first start',
  '53300': 'PostgreSQL has too many connections: raise max_connections, or lower `connections`',
  '55P03': 'a lock on the table is held by another session for too long: see pg_locks',
}

/** Returns what is wrong with a server by the code of its error, or `undefined` for any other failure. */
const explainPostgres = (error: unknown): string | undefined => CODES[(error as { code?: string }).code ?? '']
