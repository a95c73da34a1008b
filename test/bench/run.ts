/**
 * Measures Lockgate beside other OAuth providers for MCP on the same machine in the same run, prints medians and
 * ratios, and says of each target whether it holds.
 *
 *   npm run bench -- [--quick] [--json file]
 *
 * Figures are CPU microseconds of one operation. Compare the ratios: the figures are the machine's.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { locate } from '../runtimes/locate.ts'
import { budgetOf, compose, PROGRAMS, weigh } from './bundle.ts'
import { coldStart } from './cold-start.ts'
import { judgeField, measureField } from './field.ts'
import { judgeForwardAuth, measureForwardAuth, rowsOf } from './forward-auth.ts'
import type { Growth } from './growth.ts'
import type { Measurement } from './measure.ts'
import { measureOverHttp } from './over-http.ts'
import { judgeRules } from './rules.ts'
import { judge, microsOf, type Results } from './targets.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'string' } } })
const size = values.quick
  ? {
      rounds: 9,
      grants: 200,
      http: 5,
      starts: 5,
      growth: '1000,20000',
      forwardAuth: 5,
      field: { rounds: 5, requests: 3000, seconds: 5, restarts: 1 },
    }
  : {
      rounds: 30,
      grants: 1000,
      http: 15,
      starts: 15,
      growth: '1000,1000000',
      forwardAuth: 15,
      field: { rounds: 15, requests: 5000, seconds: 15, restarts: 3 },
    }

/** A script of this folder in a process of its own. @returns What it printed. */
function script<T>(node: string, name: string, ...args: string[]): T {
  const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const flags = ['--expose-gc', '--max-old-space-size=12000', '--import', 'tsx']
  return JSON.parse(
    execFileSync(node, [...flags, path, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
  ) as T
}

const nodes = [process.execPath, locate('node24')].filter((path) => path !== undefined)
if (nodes.length < 2) console.warn('Node 24 is not here: measured on this Node alone.')

const results: Results[] = []
for (const node of nodes) {
  const runtime = `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`
  console.error(`measuring on ${runtime} …`)
  results.push({
    runtime,
    inProcess: script<Measurement>(node, 'in-process', String(size.rounds), String(size.grants)),
    overHttp: await measureOverHttp(node, size.http, Math.min(200, size.grants)),
    growth: script<Growth[]>(node, 'growth', String(size.rounds), size.growth),
    coldStart: coldStart(node, size.starts),
  })
}

/** Rows by path, columns by product, with Lockgate's ratio to each. */
function table({ figures, rounds, noisy }: Measurement): void {
  const paths = [...new Set(figures.map(({ path }) => path))]
  const subjects = [...new Set(figures.map(({ subject }) => subject))]
  const rows = paths.map((path) => {
    const own = microsOf(figures, path, 'lockgate')
    const cells = subjects.map((subject) => {
      const micros = microsOf(figures, path, subject)
      if (Number.isNaN(micros)) return [subject, '']
      const ratio = subject === 'lockgate' ? '' : ` (${(micros / own).toFixed(1)} ×)`
      return [subject, micros.toFixed(micros < 100 ? 1 : 0) + ratio]
    })
    return [path, Object.fromEntries(cells)]
  })
  console.table(Object.fromEntries(rows))
  console.log(`${rounds} rounds, ${noisy} of them left out since something else used the processors`)
}

console.log(`${cpus().length} × ${cpus()[0]?.model}; CPU µs per operation, and how many times Lockgate's`)
for (const result of results) {
  console.log(`\n${result.runtime}, in process`)
  table(result.inProcess)
  console.log(
    `\n${result.runtime}, over HTTP: the serving process, with Node's HTTP server and one adapter for all`,
  )
  table(result.overHttp)
  console.log(`\n${result.runtime}, as grants grow: CPU µs per operation, and bytes`)
  console.table(
    Object.fromEntries(
      result.growth.map(({ grants, figures, recordBytes, heapPerGrant, heapBeside }) => [
        `${grants} grants`,
        {
          ...Object.fromEntries(figures.map(({ path, micros }) => [path, Math.round(micros * 10) / 10])),
          'record without tokens': recordBytes,
          'heap per grant': Math.round(heapPerGrant),
          'heap beside the store': Math.round(heapBeside),
        },
      ]),
    ),
  )
  console.log(`\n${result.runtime}, first answer of a fresh process, ms passed and ms worked`)
  console.table(result.coldStart)
  console.log(`\n${result.runtime}, targets`)
  console.table(judge(result))
}

console.error('measuring processes under load …')
const field = await measureField(size.field)
console.log('\nunder load, 32 connections, a small JSON-RPC request: CPU µs per request, latency in ms')
console.table(
  Object.fromEntries(
    field.forwarding.map(({ name, micros, p50, p99, ratio }) => [
      name,
      {
        cpu: Math.round(micros),
        p50,
        p99,
        'cpu ×': ratio?.micros.toFixed(2),
        'p99 ×': ratio?.p99.toFixed(2),
      },
    ]),
  ),
)
console.table(judgeField(field))

const forwardAuth = await measureForwardAuth(size.forwardAuth, 2000)
console.log(
  '\nforward auth, 16 connections, a small JSON-RPC request: CPU µs of all processes, latency in ms',
)
if (forwardAuth) console.table(rowsOf(forwardAuth))
console.table([judgeForwardAuth(forwardAuth)])

console.log('\nrules for tools, by themselves')
const rules = judgeRules()
console.table(rules)

const app = 'minimal Workers app'
const { whole, libraries, parts } = await compose(app)
const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`
console.log(
  `\n${app}: ${kib(whole)} min + gzip (target: at most 30), ${kib(libraries)} of it libraries. It consists of:`,
)
console.table(Object.fromEntries(parts.map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`])))

const entries: Record<string, number> = {}
for (const name of Object.keys(PROGRAMS)) {
  // Providers are data: the largest stands for all.
  const entry = budgetOf(name)
  entries[entry] = Math.max(entries[entry] ?? 0, await weigh(name))
}
console.log('\neach entry by itself, bytes min + gzip')
console.table(entries)

const bundle = { [app]: { whole, libraries }, entries }
if (values.json)
  writeFileSync(values.json, JSON.stringify({ results, field, forwardAuth, rules, bundle }, null, 2))
