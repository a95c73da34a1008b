/**
 * Measures what rules for tools cost by themselves, and says of each target whether it holds. CPU time of this process,
 * medians. What a whole request costs under load is measured in `forwarding.ts`.
 *
 *   npx tsx test/bench/rules.ts
 */
import { fileURLToPath } from 'node:url'
import { readMessages } from '../../src/protocol/json-rpc.ts'
import { filterText } from '../../src/protocol/list-filter.ts'
import { findMismatch } from '../../src/protocol/mcp-headers.ts'
import { compileRules, namesItsTarget } from '../../src/protocol/mcp-rules.ts'
import { missingScopes } from '../../src/protocol/scope.ts'
import type { Target } from './targets.ts'

const rules = compileRules({
  tools: { 'delete_*': ['write'], 'report_*_full': ['read', 'billing'], '*': ['read'] },
})
const table = Object.fromEntries(
  ['base', 'read', 'write', 'billing'].map((name) => [name, { description: name, upstream: [] }]),
)
const headers = new Headers({ 'mcp-protocol-version': '2025-11-25' })

/** Everything that a request with rules does, and a request without them does not. */
function judge(bytes: Uint8Array): number {
  const body = readMessages(bytes)
  if ('fault' in body || findMismatch(headers, body) || !body.messages.every(namesItsTarget))
    throw new Error('refused')
  const needs = body.messages.flatMap((message) => rules.ofMessage(message) as readonly string[])
  return missingScopes(['base', 'read'], needs, table).length
}

/** Returns the median time of one run, in microseconds. */
function measure(times: number, work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < 15; round++) {
    const began = process.cpuUsage()
    for (let n = 0; n < times; n++) work()
    const { user, system } = process.cpuUsage(began)
    rounds.push((user + system) / times)
  }
  return rounds.sort((a, b) => a - b)[7]!
}

const call = (args: unknown) =>
  Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'search', arguments: args },
    }),
  )

const kilobyte = call(
  Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`field${n}`, `some text number ${n}`])),
)
const megabytes = {
  'one text': call({ text: 'Some "quoted" text,\n'.repeat(44_000) }),
  'many small values': call(
    Array.from({ length: 17_000 }, (_, n) => ({ id: n, name: `item ${n}`, isOpen: true, tags: ['a', 'b'] })),
  ),
}
const list = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: {
    tools: Array.from({ length: 500 }, (_, n) => ({
      name: n % 2 ? `delete_${n}` : `read_${n}`,
      description: 'Does something that takes a sentence or two to describe in full.',
      inputSchema: {
        type: 'object',
        properties: { path: { type: 'string', description: 'The path' }, limit: { type: 'integer' } },
        required: ['path'],
      },
    })),
  },
})
const visible = {
  tool: (name: string) =>
    missingScopes(['base', 'read'], rules.ofTool(name) as readonly string[], table).length === 0,
  prompt: () => true,
  resource: () => true,
}

const judged = (what: string, figure: number, unit: string, most: number): Target => ({
  target: `${what}: at most ${most} ${unit}`,
  measured: `${figure.toFixed(2)} ${unit}`,
  holds: figure <= most,
})

/** Measures and judges, in some seconds. */
export function judgeRules(): Target[] {
  const small = measure(3000, () => judge(kilobyte))
  const large = Object.entries(megabytes).map(([kind, body]): Target => {
    const decoder = new TextDecoder()
    const bare = measure(15, () => JSON.parse(decoder.decode(body)))
    const ratio = measure(15, () => judge(body)) / bare
    return judged(`judging ${body.length} bytes, ${kind}, beside JSON.parse`, ratio, '×', 3)
  })
  const filtering = measure(60, () => filterText(list, visible, { isModern: false, lists: true }))
  return [
    judged(`judging a body of ${kilobyte.length} bytes`, small, 'µs', 25),
    ...large,
    judged(`filtering a list of 500 tools, ${list.length} characters`, filtering / 1000, 'ms', 2),
  ]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const targets = judgeRules()
  console.table(targets)
  process.exitCode = targets.every(({ holds }) => holds) ? 0 : 1
}
