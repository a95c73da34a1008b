/**
 * Runs every suite there is, one after the other, and prints the time of each. Fails if one fails or skips a test.
 *
 *   npm run test:all
 *   npm run test:all -- runtimes security      only these stages
 *   npm run test:all -- --except core          all but these
 */
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { stripVTControlCharacters } from 'node:util'

interface Stage {
  readonly name: string
  readonly command: readonly string[]
  /** Commands that run at the same time. All of them wait for downloads, servers or clocks most of the time. */
  readonly beside?: readonly (readonly string[])[]
}

const vitest = (...lanes: string[]) => [
  'npx',
  'vitest',
  'run',
  ...lanes.flatMap((lane) => ['--project', lane]),
]
const script = (file: string, ...args: string[]) => ['npx', 'tsx', `test/${file}`, ...args]

/** The build comes first: a later build would empty `dist` while another stage runs from it. */
const STAGES: readonly Stage[] = [
  { name: 'install', command: ['node', 'test/install.mjs'] },
  { name: 'types of the core', command: ['npm', 'run', '--silent', 'tsc', '--', '-p', 'src'] },
  { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
  { name: 'core', command: vitest('core', 'rules') },
  { name: 'simulation', command: script('simulation/run.ts', '--histories', '5000') },
  { name: 'tests', command: vitest('stores', 'cli', 'faults', 'providers', 'apart') },
  { name: 'package', command: vitest('dist') },
  {
    name: 'netlify and next',
    command: ['npm', 'run', '--silent', 'test:netlify'],
    beside: [['npm', 'run', '--silent', 'test:next']],
  },
  { name: 'runtimes', command: script('runtime/run.ts') },
  { name: 'security', command: script('security/run.ts') },
  {
    name: 'soak, kill',
    command: script('endurance/soak.ts', '--minutes', '1'),
    beside: [script('endurance/kill.ts', '--sign-ins', '100', '--every', '2000')],
  },
  {
    name: 'conformance, limits',
    command: script('conformance/run.ts'),
    beside: [script('bench/limits/run.ts', ...'--quick --only stores --stores memory,redis'.split(' '))],
  },
  { name: 'coverage', command: script('flows/coverage.ts') },
]

function run([program, ...args]: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        output += chunk
        to.write(chunk)
      })
    }
    child.on('error', () => resolve({ code: 127, output }))
    child.on('close', (code) => resolve({ code: code ?? 1, output: stripVTControlCharacters(output) }))
  })
}

/** Lists the tests that failed and their first errors. A log that is cut from the top still names them. */
function reasonsIn(output: string): string[] {
  const lines = output.split('\n')
  const named = lines.filter((line) => /^ *(FAIL |(\w*Error|Caused by)\b.*: )/.test(line))
  return (named.length > 0 ? named : lines.slice(-20)).slice(0, 40)
}

const isExcept = process.argv[2] === '--except'
const chosen = process.argv.slice(isExcept ? 3 : 2)
const stages = STAGES.filter(({ name }) => chosen.length === 0 || chosen.includes(name) !== isExcept)
const rows: string[] = []
const broken: string[] = []
let [passed, failed] = [0, 0]
for (const { name, command, beside } of stages) {
  const commands = [command, ...(beside ?? [])]
  console.log(`\n── ${name}: ${commands.map((one) => one.join(' ')).join(' & ')}`)
  const began = Date.now()
  const results = await Promise.all(commands.map(run))
  const code = Math.max(...results.map((one) => one.code))
  const output = results.map((one) => one.output).join('\n')
  const skipped = /^ *(Tests|Test Files) .*\d+ skipped/m.test(output)
  const verdict = code !== 0 ? 'FAIL' : skipped ? 'FAIL, tests were skipped' : 'ok'
  rows.push(`${name.padEnd(20)} ${`${Math.round((Date.now() - began) / 1000)} s`.padStart(6)}  ${verdict}`)
  for (const [, count] of output.matchAll(/^ *Tests +(?:\d+ failed \| )?(\d+) passed/gm))
    passed += Number(count)
  for (const [, count] of output.matchAll(/^(\d+) passed, \d+ failed$/gm)) passed += Number(count)
  if (verdict === 'ok') continue
  failed++
  broken.push(`── ${name}`, ...reasonsIn(output))
}
if (broken.length > 0) console.log(`\n${broken.join('\n')}`)
console.log(`\n${rows.join('\n')}\n${cpus().length} cores, Node ${process.versions.node}\n`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && stages.length > 0 ? 0 : 1)
