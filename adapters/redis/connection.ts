import { ms, StatedError } from '../../src/internal.ts'
import { within } from '../storage/deadline.ts'
import {
  type Client,
  type Commands,
  checkServer,
  openClient,
  type RedisServer,
  type ScriptSources,
} from './client.ts'
import { explainReply, isMisconfigured, isSelect } from './server.ts'

/** A connection that recovers by itself from a server that hangs, restarts, moves or is replaced. */
export interface Connection<Scripts> {
  readonly isCluster: boolean
  /** Changes with every new connection. */
  readonly epoch: number
  /**
   * Sends commands, and sends them again after a failure that a new connection or a moment can mend. They must have the
   * same effect when they run twice.
   *
   * @throws {Error} After {@link RunOptions.within} milliseconds, or at once for an error that lasts.
   */
  run<T>(send: (commands: Commands & Scripts) => Promise<T>, options?: RunOptions): Promise<T>
  /** The servers that hold the records: the nodes of a cluster, or the one server. */
  masters(): Promise<readonly Commands[]>
  close(): void
}

export interface RunOptions {
  /** Milliseconds; 2,500 by default. */
  readonly within?: number
  /** `true` to send only those commands again that certainly did not run. */
  readonly once?: boolean
}

/** Replies that name a state of the server, in which nothing was written. It may pass, or another server may respond. */
const NOT_NOW = /\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY)\b/
/** The server has become a replica: a new connection finds its successor. */
const DEMOTED = /\bREADONLY\b/
/** Failures of the connection. The commands may have run. */
const LOST =
  /Connection is closed|isn't (writeable|ready)|startup nodes|Socket timeout|connection close|Max(imum|Retries)|ECONN|EPIPE|ETIMEDOUT/i

/** @throws {TypeError} If the server is not named as it must be. */
export function openConnection<Scripts extends object>(
  server: RedisServer,
  scripts: ScriptSources<Scripts>,
): Connection<Scripts> {
  checkServer(server)
  let opened: Client<Scripts> | undefined
  /** The time at which the client was last ready, or first used. */
  let downSince = 0
  /** Counts connections, so that only the first of many failures opens a new one. */
  let epoch = 0
  let lastError: Error | undefined
  /** The refusal of the database. ioredis would go on with database 0. */
  let refusedDatabase: Error | undefined
  /** The time at which the first command was sent that no reply followed. */
  let waitingSince: number | undefined

  function client(): Client<Scripts> {
    if (opened) return opened
    const made = openClient(server, scripts)
    downSince = Date.now()
    // Every command reports its own failure. This one only explains why there is no connection.
    made.on('error', (error) => {
      lastError = error
      if (isSelect(error)) refusedDatabase = error
    })
    made.on('ready', () => {
      epoch++
      waitingSince = undefined
    })
    made.on('close', () => {
      downSince = Date.now()
      refusedDatabase = undefined
    })
    opened = made
    return made
  }

  /** Opens a new connection in place of one that does not respond, or responds for a server that was demoted. */
  function reopen(of: number): void {
    if (of !== epoch || !/^(ready|connect)$/.test(client().status)) return
    epoch++
    waitingSince = undefined
    client().disconnect(true)
  }

  /** Waits for a connection. Fails at once if there has been none for as long as a command may take. */
  async function ready(until: number): Promise<Client<Scripts>> {
    const current = client()
    if (current.status === 'ready') return current
    if (current.status === 'wait') current.connect().catch(() => {})
    const patience = Math.min(until, downSince + ms.redisCommand) - Date.now()
    if (current.status === 'end' || patience <= 0) throw lastError ?? new StatedError('Redis is unavailable')
    const of = epoch
    let stop = () => {}
    const becameReady = new Promise<void>((resolve) => {
      const listener = () => resolve()
      current.on('ready', listener)
      stop = () => current.off('ready', listener)
    })
    try {
      await within(becameReady, patience)
    } catch (error) {
      // It may be connected, and wait for a response to the handshake.
      reopen(of)
      throw lastError ?? error
    } finally {
      stop()
    }
    return current
  }

  // A client of the application may already connect, and tells only once that its database is refused.
  if (server.client) client()

  return {
    get isCluster() {
      return client().isCluster === true
    },
    get epoch() {
      return epoch
    },
    async run(send, { within: limit = ms.redisCommand, once = false } = {}) {
      const until = Date.now() + limit
      /** A refusal says more than the time-out of a later attempt. */
      let refusal: unknown
      for (;;) {
        const { commands } = await ready(until).catch((error: unknown) => {
          throw stated(refusal ?? error)
        })
        const of = epoch
        if (refusedDatabase) {
          const error = stated(refusedDatabase)
          // The next connection asks again.
          reopen(of)
          throw error
        }
        waitingSince ??= Date.now()
        try {
          const result = await within(send(commands), until - Date.now())
          waitingSince = undefined
          return result
        } catch (error) {
          const text = error instanceof Error ? `${error.name} ${error.message}` : String(error)
          const refused = NOT_NOW.test(text)
          if (isReply(error)) waitingSince = undefined
          const silent = waitingSince !== undefined && Date.now() - waitingSince >= ms.redisSilent
          if (silent || DEMOTED.test(text)) reopen(of)
          if (refused) refusal = error
          const repeats = refused || (!once && LOST.test(text))
          if (!repeats || Date.now() + ms.redisPause >= until)
            throw stated(isReply(error) ? error : (refusal ?? error))
          await new Promise((resolve) => setTimeout(resolve, ms.redisPause))
        }
      }
    },
    masters: async () => (await ready(Date.now() + ms.redisCommand)).masters(),
    close() {
      if (server.client === undefined) opened?.disconnect()
    },
  }
}

/** Explains what no other part of the package understands: a reply to a wrong setting, and words of ioredis without a code. */
function stated(error: unknown): unknown {
  const text = isMisconfigured(error) ? explainReply(error) : undefined
  return text === undefined ? withCode(error) : new StatedError(text, { cause: error })
}

/** Gives a failure of the connection the code that Node has for it: events name codes, and no messages. */
function withCode(cause: unknown): unknown {
  const isKnown = !(cause instanceof Error) || cause instanceof StatedError || isReply(cause)
  if (isKnown || 'code' in cause || !LOST.test(cause.message)) return cause
  return /Socket timeout/i.test(cause.message)
    ? Object.assign(new Error('Redis does not respond', { cause }), { code: 'ETIMEDOUT' })
    : Object.assign(new Error('There is no connection to Redis', { cause }), { code: 'ENOTCONN' })
}

const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError'
