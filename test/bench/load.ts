import { connect, type Socket } from 'node:net'

/** One request that every connection repeats. */
export interface Load {
  readonly port: number
  /** Connections that each send their next request when the response to the last one is complete. */
  readonly connections: number
  /** Requests in all. */
  readonly requests: number
  /** The request as bytes, from the request line to the end of its body. */
  readonly bytes: Buffer
}

/** Round-trip times in milliseconds, sorted. */
export type Latencies = Float64Array

/** Builds a request as bytes. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = body ? `content-length: ${Buffer.byteLength(body)}\r\n` : ''
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`)
}

/**
 * Sends requests over plain sockets and parses only as much of each response as tells where it ends: a client that
 * did more would take the processor from what is measured.
 *
 * @throws {Error} For any status but 200, and for a connection that the server closes.
 */
export async function load({ port, connections, requests, bytes }: Load): Promise<Latencies> {
  const times = new Float64Array(requests)
  let [sent, done] = [0, 0]
  await new Promise<void>((resolve, reject) => {
    const sockets: Socket[] = []
    const stop = (error?: Error) => {
      for (const socket of sockets) socket.removeAllListeners('close').destroy()
      if (error) reject(error)
      else resolve()
    }
    for (let index = 0; index < Math.min(connections, requests); index++) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      sockets.push(socket)
      let [received, began] = ['', 0]
      const next = () => {
        if (sent >= requests) return
        sent++
        received = ''
        began = performance.now()
        socket.write(bytes)
      }
      socket.setEncoding('latin1')
      socket.on('connect', next)
      socket.on('data', (chunk: string) => {
        received += chunk
        const end = endOf(received)
        if (end === undefined) return
        if (!received.startsWith('HTTP/1.1 200')) return stop(new Error(received.slice(0, 600)))
        times[done++] = performance.now() - began
        if (done === requests) stop()
        else next()
      })
      socket.on('error', stop)
      socket.on('close', () => stop(new Error(`closed after ${done} of ${requests} responses`)))
    }
  })
  return times.sort()
}

/** Returns the length of the first response in `text`, or `undefined` while a part of it is missing. */
function endOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  if (length !== undefined) {
    const end = head + 4 + Number(length)
    return text.length >= end ? end : undefined
  }
  return text.endsWith('0\r\n\r\n') ? text.length : undefined
}

/** Returns the time below which a share of the requests stayed. */
export const percentile = (times: Latencies, share: number): number =>
  times[Math.min(times.length - 1, Math.floor(times.length * share))]!
