import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { ms } from '../../src/internal.ts'

/** The connections of a server, and how they end. */
export interface Connections {
  /** Open connections. */
  readonly size: number
  /** Requests without a complete response. */
  readonly open: number
  /** Notes a request. Call it before its response begins. */
  track(outgoing: ServerResponse): void
  /** Tells each client from now on that its connection closes after the response. */
  announceEnd(): void
  /**
   * Stops accepting connections, and ends the open ones: each after its next response, or when it was idle for a moment.
   * An idle connection is not closed at once: its client may be sending a request, which would then be lost.
   *
   * @param onSweep Called again and again meanwhile.
   * @returns A promise for the end of the last connection.
   */
  drain(onSweep: () => void): Promise<void>
  /** Cuts every connection, also those that were not accepted yet. */
  cut(): void
}

/**
 * A connection and its requests. There is no set of all open responses, because V8 would rebuild it with each hundred
 * requests and keep the members of the old table until a full collection.
 */
interface Connection {
  /** Requests without a complete response. There may be several, because clients may send the next one early. */
  open: number
  /** The response to the last request, while it is open. */
  latest: ServerResponse | undefined
}

interface Idle {
  /** Milliseconds on the monotonic clock. */
  readonly since: number
  readonly bytesRead: number
}

/** @param isTls `true` if clients speak TLS: their sockets are known after the handshake. */
export function createConnections(server: Server, isTls: boolean): Connections {
  const sockets = new Map<Socket, Connection>()
  let isEnding = false
  let isCut = false

  function connectionOf(socket: Socket): Connection {
    let connection = sockets.get(socket)
    if (!connection) {
      connection = { open: 0, latest: undefined }
      sockets.set(socket, connection)
      socket.once('close', () => sockets.delete(socket))
    }
    return connection
  }

  server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    if (isCut) socket.destroy()
    connectionOf(socket)
  })

  /** Closes connections that have been idle for a moment, and remembers the others. */
  function closeIdle(seen: Map<Socket, Idle>): void {
    const now = performance.now()
    for (const [socket, { open }] of sockets) {
      const { bytesRead } = socket
      const idle = seen.get(socket)
      if (open > 0) seen.delete(socket)
      else if (idle?.bytesRead !== bytesRead) seen.set(socket, { since: now, bytesRead })
      else if (now - idle.since >= ms.drainIdle) socket.destroy()
    }
  }

  return {
    get size() {
      return sockets.size
    },
    get open() {
      return [...sockets.values()].reduce((sum, { open }) => sum + open, 0)
    },
    track(outgoing) {
      const connection = connectionOf(outgoing.req.socket)
      connection.open++
      connection.latest = outgoing
      if (isEnding) outgoing.shouldKeepAlive = false
      outgoing.once('close', () => {
        connection.open--
        if (connection.latest === outgoing) connection.latest = undefined
      })
    },
    announceEnd() {
      isEnding = true
      for (const { latest } of sockets.values())
        if (latest && !latest.headersSent) latest.shouldKeepAlive = false
    },
    drain(onSweep) {
      this.announceEnd()
      const seen = new Map<Socket, Idle>()
      const sweep = () => {
        onSweep()
        closeIdle(seen)
      }
      return new Promise((resolve) => {
        // After the poll for input: a request that has arrived is then known.
        const timer = setInterval(() => setImmediate(sweep), ms.drainSweep)
        sweep()
        const close = () => {
          // `http.Server.close` would close idle connections at once.
          NetServer.prototype.close.call(server, () => {
            clearInterval(timer)
            resolve()
          })
        }
        // The system resets connections that it has accepted and the process has not. Right after a poll there are none.
        setImmediate(() => setImmediate(close))
      })
    },
    cut() {
      isCut = true
      for (const socket of sockets.keys()) socket.destroy()
    },
  }
}
