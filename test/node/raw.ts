import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A connection whose bytes a test writes itself. */
export interface Raw {
  readonly socket: Socket
  /** Everything that arrived so far. */
  text(): string
  write(...lines: readonly string[]): void
  /** Waits until `part` has arrived. */
  until(part: string | RegExp, milliseconds?: number): Promise<string>
  /** Waits until the other side has closed the connection. */
  closed(milliseconds?: number): Promise<void>
}

/** Opens a connection. The lines that it writes end in CR LF each. */
export async function raw(url: string): Promise<Raw> {
  const { port } = new URL(url)
  const socket = connect({ host: '127.0.0.1', port: Number(port) })
  let received = ''
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  socket.on('close', () => {
    isClosed = true
  })
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  const wait = async (done: () => boolean, what: string, milliseconds: number) => {
    for (let waited = 0; !done(); waited += 10) {
      if (waited > milliseconds)
        throw new Error(`${what} did not happen; received: ${JSON.stringify(received)}`)
      await sleep(10)
    }
  }
  return {
    socket,
    text: () => received,
    write: (...lines) => void socket.write(lines.join('\r\n')),
    async until(part, milliseconds = 3000) {
      const done = () => (typeof part === 'string' ? received.includes(part) : part.test(received))
      await wait(done, String(part), milliseconds)
      return received
    },
    closed: (milliseconds = 3000) => wait(() => isClosed, 'the end of the connection', milliseconds),
  }
}
