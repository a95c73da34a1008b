/**
 * Plays every known client through a proxy that listens, with a real provider and a real MCP server behind it, and
 * prints how far each came.
 *
 *   npm run test:clients               every client
 *   npm run test:clients -- ChatGPT    those whose name contains the word
 */
import { startGates } from './gate.ts'
import { install } from './install.ts'
import { doesStep, play, STEPS } from './play.ts'
import { PLACES, SHAPES } from './shapes.ts'

install('runtimes')
install('matrix')
install('matrix-large')
// Asked for only now: it looks for what was just installed.
const { NOT_RUN, REAL_CLIENTS } = await import('./real.ts')
const { largeClients } = await import('./large.ts')
const { whyNoNewerPython } = await import('./python.ts')

const words = process.argv.slice(2).map((word) => word.toLowerCase())
const chosen = <T extends { readonly client: string }>(all: readonly T[]) =>
  all.filter(({ client }) => words.every((word) => client.toLowerCase().includes(word)))

interface Row {
  readonly client: string
  readonly place: string
  readonly cells: readonly string[]
  readonly failure?: unknown
  readonly isLeftOut?: true
}

const rows: Row[] = []

const { gates, close } = await startGates(PLACES)
for (const shape of chosen(SHAPES)) {
  for (const place of shape.places ?? (['origin', 'base path'] as const)) {
    const { passed, failure } = await play(shape, gates.find((gate) => gate.place === place)!)
    const cells = STEPS.map((step) => {
      if (failure?.step === step) return 'FAILED'
      return passed.includes(step) && doesStep(shape, step) ? 'ok' : '-'
    })
    rows.push({ client: shape.client, place, cells, ...(failure && { failure: failure.error }) })
  }
}
await close()

for (const real of chosen([...REAL_CLIENTS, ...largeClients()])) {
  const client = `${real.client} ${real.version}`
  const place = 'itself'
  if (real.missing !== undefined) {
    rows.push({ client, place, cells: [`left out: ${real.missing}`], isLeftOut: true })
    continue
  }
  const own = await startGates([real.place ?? 'origin'])
  const failure = await real.play(own.gates[0]!).then(
    () => undefined,
    (error: unknown) => error ?? 'failed',
  )
  await own.close()
  const cells = failure
    ? ['FAILED']
    : STEPS.map((step) => {
        const isLeftOut = step === 'again' || (step === 'refresh' && real.refreshes === false)
        return isLeftOut ? '-' : 'ok'
      })
  rows.push({ client, place, cells, ...(failure !== undefined && { failure }) })
}

const wide = (column: readonly string[]) => Math.max(...column.map(({ length }) => length))
const [name, where] = [wide(rows.map(({ client }) => client)), wide(rows.map(({ place }) => place))]
const line = (client: string, place: string, cells: readonly string[]) =>
  [client.padEnd(name), place.padEnd(where), ...cells.map((cell, i) => cell.padEnd(STEPS[i]!.length))].join(
    '  ',
  )

console.log(`\n${line('client', 'proxy at', STEPS)}`)
for (const { client, place, cells } of rows) console.log(line(client, place, cells))
const failed = rows.filter(({ failure }) => failure !== undefined)
for (const { client, place, failure } of failed) console.error(`\n${client}, ${place}:`, failure)
const notRun = [...NOT_RUN, ['MCP SDK for Python 2.x', whyNoNewerPython()]] as const
const others = notRun.filter(([client]) => words.every((word) => client.toLowerCase().includes(word)))
if (others.length > 0) console.log('\nnot run as they are:')
for (const [client, reason] of others) console.log(`  ${client}: ${reason}`)
const leftOut = rows.filter(({ isLeftOut }) => isLeftOut).length
const outside = leftOut > 0 ? `, ${leftOut} left out` : ''
console.log(`\n${rows.length - failed.length - leftOut} of ${rows.length} got in${outside}`)
process.exit(failed.length + leftOut > 0 || rows.length === 0 ? 1 : 0)
