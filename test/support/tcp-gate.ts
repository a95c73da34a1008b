import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on an address that stays, while what is behind it changes or falls silent. */
export interface TcpGate {
  readonly port: number
  /** The port that new connections reach. */
  target: number
  /** Stops forwarding on every open connection. The peers notice nothing: neither an end nor an error. */
  silence(): void
  /** As `silence`, for what comes back only: requests still arrive. */
  silenceReplies(): void
  /** Whether new connections are silent, too. */
  silent: boolean
  /** Resets every open connection. */
  cut(): void
  close(): Promise<void>
}

export async function startGate(target: number): Promise<TcpGate> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((socket) => {
    const behind = connect(gate.target, '127.0.0.1')
    const pair = [socket, behind] as const
    pairs.add(pair)
    for (const [one, other] of [pair, [behind, socket]] as const) {
      one.setNoDelay(true)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        if (!one.readableFlowing) return
        other.destroy()
        pairs.delete(pair)
      })
      if (gate.silent) one.pause()
      else one.pipe(other)
    }
  })
  const gate: TcpGate = {
    port: 0,
    target,
    silent: false,
    silence() {
      for (const [socket, behind] of pairs) {
        socket.unpipe(behind)
        behind.unpipe(socket)
        socket.pause()
        behind.pause()
      }
    },
    silenceReplies() {
      for (const [socket, behind] of pairs) {
        behind.unpipe(socket)
        behind.pause()
      }
    },
    cut() {
      for (const [socket, behind] of pairs) {
        socket.resetAndDestroy()
        behind.destroy()
      }
      pairs.clear()
    },
    async close() {
      gate.cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(gate, { port: (server.address() as { port: number }).port })
}
