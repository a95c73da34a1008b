import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readMessages } from '../../../src/protocol/json-rpc.ts'
import { namesItsTarget } from '../../../src/protocol/mcp-rules.ts'
import { type Ran, ranByGo, ranByNode } from './stacks.ts'

/** Returns what the rules judge in a body, or `undefined` for a body that is refused before. */
export function judged(body: Uint8Array): Ran | undefined {
  const read = readMessages(body)
  if ('fault' in read || !read.messages.every(namesItsTarget)) return undefined
  return read.messages.flatMap(
    ({ method, params }): Ran =>
      method === undefined ? [] : [[method, typeof params.name === 'string' ? params.name : null]],
  )
}

/** Runs the `json` of Python over bodies. */
export function ranByPython(bodies: readonly Uint8Array[]): readonly Ran[] {
  const parts = bodies.flatMap((body) => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(body.length)
    return [size, body]
  })
  const script = fileURLToPath(new URL('./python.py', import.meta.url))
  const out = execFileSync('python3', [script], { input: Buffer.concat(parts), maxBuffer: 2 ** 28 })
  return JSON.parse(out.toString()) as Ran[]
}

/** Only these run something by name, so that the name of any other method does not matter. */
const partOf = ([method, name]: Ran[number]): string =>
  JSON.stringify(method === 'tools/call' ? [method, name] : [method])

/**
 * Compares what is judged with what a server behind would run. Returns what it would run beyond that, for each body that
 * passes: it must be nothing.
 */
export function beyond(ran: Ran, own: Ran | undefined): readonly string[] {
  if (own === undefined) return []
  const known = new Set(own.map(partOf))
  return ran.map(partOf).filter((one) => !known.has(one))
}

/** Returns the first body of which a stack would run more than was judged. */
export function findBeyond(
  bodies: readonly Uint8Array[],
): { body: string; stack: string; more: readonly string[] } | undefined {
  const python = ranByPython(bodies)
  for (const [index, body] of bodies.entries()) {
    const own = judged(body)
    for (const [stack, ran] of [
      ['JSON.parse', ranByNode(body)],
      ['Python', python[index]!],
      ['Go', ranByGo(body)],
    ] as const) {
      const more = beyond(ran, own)
      if (more.length > 0) return { body: Buffer.from(body).toString('latin1'), stack, more }
    }
  }
  return undefined
}
