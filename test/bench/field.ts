import { type Forwarding, measureForwarding, RULES } from './forwarding.ts'
import { type Rolled, rollingRestart } from './rolling.ts'
import { measureStreams, type StreamCost } from './streams.ts'
import type { Target } from './targets.ts'

/** The main job of a proxy, measured in processes of their own under load. */
export interface Field {
  readonly forwarding: readonly Forwarding[]
  readonly streams: StreamCost
  /** Rolling restarts of three instances behind nginx. Absent if nginx is missing. */
  readonly rolling: readonly (Rolled & { readonly keepAlive: boolean })[] | undefined
}

/** How much is measured. */
export interface FieldSize {
  /** Rounds of every program, and requests in each. */
  readonly rounds: number
  readonly requests: number
  /** Seconds in which events of the open streams are counted. */
  readonly seconds: number
  /** Restarts of each instance. */
  readonly restarts: number
}

/** Open streams, each with one event a second. */
const STREAMS = 3000

export async function measureField({ rounds, requests, seconds, restarts }: FieldSize): Promise<Field> {
  const forwarding = await measureForwarding(rounds, requests)
  const streams = await measureStreams(STREAMS, seconds)
  const rolling: (Rolled & { keepAlive: boolean })[] = []
  for (const keepAlive of [true, false]) {
    try {
      const command = [process.execPath]
      rolling.push({
        keepAlive,
        ...(await rollingRestart({ command, keepAlive, rounds: restarts, rate: 300 })),
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return { forwarding, streams, rolling: undefined }
    }
  }
  return { forwarding, streams, rolling }
}

/** The most CPU of a program, as a multiple of the bare program beside it. */
const CPU: Readonly<Record<string, readonly [target: string, most: number]>> = {
  'Node: lockgate': ['Node: CPU of a forwarded request over a bare proxy', 1.3],
  'Node: lockgate, handler': ['Node: CPU of a request to a handler over a bare server', 4],
  'Bun: lockgate': ['Bun: CPU of a forwarded request over a bare proxy', 1.15],
  'Deno: lockgate': ['Deno: CPU of a forwarded request over a bare proxy', 1.3],
}
const P99 = 1.5
/** The CPU microseconds that rules for tools add to a request of 1 KB. Where they are not used: nothing but noise. */
const RULE_MICROS = 25
const NOISE = 1.1
const STREAM_KB = 30
const EVENT_MICROS = 40

/** Judges the figures. */
export function judgeField({ forwarding, streams, rolling }: Field): Target[] {
  const by = new Map(forwarding.map((one) => [one.name, one]))
  const cpu = Object.entries(CPU).map(([name, [target, most]]): Target => {
    const ratio = by.get(name)?.ratio?.micros
    return {
      target: `${target}: at most ${most} ×`,
      measured: ratio === undefined ? 'not measured, the runtime is missing' : `${ratio.toFixed(2)} ×`,
      holds: ratio !== undefined && ratio <= most,
    }
  })
  const p99 = by.get('Node: lockgate')?.ratio?.p99 ?? Number.NaN
  const kilobytes = streams.bytes / 1000
  const added = by.get(RULES.here)?.added ?? Number.NaN
  const unused = by.get(RULES.beside)?.ratio?.micros ?? Number.NaN
  return [
    ...cpu,
    {
      target: `Node: p99 of forwarding over a bare proxy: at most ${P99} ×`,
      measured: `${p99.toFixed(2)} ×`,
      holds: p99 <= P99,
    },
    {
      target: `Node: rules for tools add to a request of 1 KB: at most ${RULE_MICROS} µs`,
      measured: `${added.toFixed(1)} µs`,
      holds: added <= RULE_MICROS,
    },
    {
      target: `Node: rules at another server change nothing: at most ${NOISE} ×`,
      measured: `${unused.toFixed(2)} ×`,
      holds: unused <= NOISE,
    },
    {
      target: `Node, ${streams.streams} open streams: at most ${STREAM_KB} KB each, ${EVENT_MICROS} µs CPU per event`,
      measured: `${kilobytes.toFixed(0)} KB, ${streams.micros.toFixed(0)} µs`,
      holds: kilobytes <= STREAM_KB && streams.micros <= EVENT_MICROS,
    },
    ...(rolling ?? []).map(({ keepAlive, failed, requests }): Target => {
      const kept = keepAlive ? 'kept connections' : 'one connection for each request'
      return {
        target: `rolling restart behind nginx, ${kept}: no request fails`,
        measured: `${failed.length} of ${requests}`,
        holds: failed.length === 0,
      }
    }),
    ...(rolling
      ? []
      : [{ target: 'rolling restart behind nginx', measured: 'nginx is missing', holds: false }]),
  ]
}
