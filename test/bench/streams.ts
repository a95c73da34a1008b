import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startField } from './forwarding.ts'
import { load, requestBytes } from './load.ts'
import { median } from './measure.ts'
import { cpuOf, residentOf } from './process-cpu.ts'

/** Milliseconds in which all streams get one event each. */
const SECOND = 1000

/** The cost of open event streams, each with one event a second. */
export interface StreamCost {
  readonly streams: number
  /** Resident bytes of the process, per stream. */
  readonly bytes: number
  /** CPU microseconds per event, without what the process takes when it is idle. */
  readonly micros: number
  /** Events that arrived, of those that were sent. */
  readonly arrived: number
}

/**
 * Opens event streams through Lockgate and measures what they cost.
 *
 * @param seconds How long events are counted.
 * @param options.binary The runtime, Node by default.
 * @param options.warmUp Requests before the first stream opens.
 */
export async function measureStreams(
  streams: number,
  seconds: number,
  { binary = process.env.BENCH_NODE ?? process.execPath, warmUp = 20_000 } = {},
): Promise<StreamCost> {
  const field = await startField()
  const sockets: Socket[] = []
  try {
    const { child, port, bytes, headers } = await field.start({
      name: 'lockgate',
      binary,
      program: 'lockgate',
      forwards: true,
    })
    // The heap has its size before the first stream opens.
    await load({ port, bytes, connections: 32, requests: warmUp })
    await sleep(3 * SECOND)
    const before = residentOf(child.pid!)
    const open = requestBytes('GET', '/mcp', { ...headers, accept: 'text/event-stream' })
    let events = 0
    for (let index = 0; index < streams; index++) {
      const socket = connect({ port, host: '127.0.0.1' })
      sockets.push(socket)
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject)
        socket.on('connect', () => socket.write(open))
        socket.on('data', (chunk) => {
          const text = chunk.toString('latin1')
          events += text.split('event: message').length - 1
          if (text.startsWith('HTTP/1.1 200')) resolve()
          else if (text.startsWith('HTTP')) reject(new Error(text.slice(0, 600)))
        })
      })
    }
    await sleep(5 * SECOND)
    const samples: number[] = []
    const start = events
    for (let second = 0; second < seconds; second++) {
      const [cpu, count] = [cpuOf(child.pid!), events]
      await sleep(SECOND)
      samples.push((cpuOf(child.pid!) - cpu) / (events - count))
    }
    return {
      streams,
      bytes: (residentOf(child.pid!) - before) / streams,
      micros: median(samples),
      arrived: (events - start) / (streams * seconds),
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    await field.stop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [streams = '3000', seconds = '15'] = process.argv.slice(2)
  console.log(await measureStreams(Number(streams), Number(seconds)))
}
