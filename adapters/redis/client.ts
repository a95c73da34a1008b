import { Cluster, type ClusterOptions, type RedisOptions as IoRedisOptions, Redis } from 'ioredis'
import { ms } from '../../src/internal.ts'
import { checkUrl } from './url.ts'

/**
 * An ioredis client: a `Redis` for one server or for Sentinel, or a `Cluster`. Structural, so that importers do not need
 * ioredis's own types.
 */
export interface RedisClient {
  readonly status: string
  readonly isCluster?: boolean
  disconnect(reconnect?: boolean): void
}

/** The server to use: its URL, or a client that connects to it. */
export interface RedisServer {
  /**
   * `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS. `?cluster=true` for Redis Cluster, whose other
   * nodes are then found by this one.
   */
  readonly url?: string | undefined
  /**
   * An ioredis client instead of `url`, for Sentinel, client certificates or settings of your own. It stays yours:
   * `close()` leaves it open. A connection of it that no longer responds is opened again.
   */
  readonly client?: RedisClient | undefined
}

/** @throws {TypeError} If not exactly one is given, or it cannot be used. */
export function checkServer({ url, client }: RedisServer): void {
  if ((url === undefined) === (client === undefined))
    throw new TypeError('Redis needs either `url` or `client`')
  if (url !== undefined) checkUrl(url)
  const { keyPrefix } = (client as Redis | undefined)?.options ?? {}
  if (keyPrefix) throw new TypeError('Use `prefix` instead of the keyPrefix of the Redis client')
}

/** The commands of ioredis that are used, by a server, a node or a cluster. */
export interface Commands {
  get(key: string): Promise<string | null>
  mget(keys: readonly string[]): Promise<(string | null)[]>
  set(key: string, value: string, existing?: 'NX'): Promise<string | null>
  del(key: string): Promise<number>
  exists(key: string): Promise<number>
  info(section: string): Promise<string>
  zrem(key: string, member: string): Promise<number>
  zrangebyscore(key: string, from: string, to: string): Promise<string[]>
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    n: number,
  ): Promise<[cursor: string, keys: string[]]>
}

/** A client with the parts of it that a connection needs. */
export interface Client<Scripts> extends RedisClient {
  readonly commands: Commands & Scripts
  on(event: 'error' | 'ready' | 'close' | 'end', listener: (error?: Error) => void): unknown
  off(event: 'error' | 'ready' | 'close' | 'end', listener: (error?: Error) => void): unknown
  connect(): Promise<void>
  /** The servers that hold the records: the nodes of a cluster, or the one server. */
  masters(): readonly Commands[]
  disconnect(reconnect?: boolean): void
}

/** Lua scripts by name. Each uses one key, so that a cluster runs it wherever the key is. */
export type ScriptSources<Scripts> = Readonly<Record<keyof Scripts, string>>

/** Opens a client, or takes the given one, and adds the scripts to it. Nothing connects before the first use. */
export function openClient<Scripts extends object>(
  server: RedisServer,
  scripts: ScriptSources<Scripts>,
): Client<Scripts> {
  const client = (server.client as Redis | Cluster | undefined) ?? connectTo(server.url!)
  for (const [name, lua] of Object.entries<string>(scripts)) {
    client.defineCommand(name, { numberOfKeys: 1, lua })
  }
  const isCluster = client.isCluster
  return {
    get status() {
      return client.status
    },
    isCluster,
    commands: client as unknown as Commands & Scripts,
    on: (event, listener) => client.on(event as 'error', listener),
    off: (event, listener) => client.off(event as 'error', listener),
    connect: () => client.connect(),
    masters: () => (isCluster ? (client as Cluster).nodes('master') : [client]) as unknown as Commands[],
    disconnect: (reconnect) => client.disconnect(reconnect),
  }
}

/**
 * Every command that is pending when a connection is lost fails at once, and none waits for a connection: the caller
 * decides what is safe to send again.
 */
const NODE: IoRedisOptions = {
  lazyConnect: true,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
}

function connectTo(text: string): Redis | Cluster {
  const url = new URL(text)
  const cluster = url.searchParams.get('cluster') === 'true'
  url.searchParams.delete('cluster')
  const timing = {
    connectTimeout: ms.redisConnect,
    // Pending commands without a byte of response mean that the connection is dead.
    socketTimeout: ms.redisSilent,
    disconnectTimeout: ms.redisConnect,
  }
  const node = { ...NODE, ...timing }
  const retryStrategy = (times: number) => Math.min(times * 100, ms.redisRetry)
  if (!cluster) return new Redis(url.href, { ...node, enableOfflineQueue: false, retryStrategy })
  const options: ClusterOptions = {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: ms.redisConnect,
    // Names stay names, so that TLS can verify them.
    dnsLookup: (address, done) => done(null, address),
    redisOptions: {
      ...node,
      ...(url.username && { username: decodeURIComponent(url.username) }),
      ...(url.password && { password: decodeURIComponent(url.password) }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
  }
  return new Cluster([{ host: url.hostname, port: Number(url.port || 6379) }], options)
}
