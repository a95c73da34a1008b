/**
 * Plants one fault at a time in the product and lets the simulation find it: a simulation that finds nothing proves
 * nothing by itself.
 *
 *   npx tsx test/simulation/plants.ts [--histories 20000] [--seed 1] [name …]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { PLANTS, type Plant } from './planted-faults.ts'

const root = new URL('../..', import.meta.url).pathname

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    histories: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
  },
})
const chosen = PLANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const folder = mkdtempSync(join(tmpdir(), 'lockgate-plants-'))

/** Bundles the simulation with one file of the product changed. */
async function bundle({ file, find, replace }: Plant, outfile: string): Promise<void> {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(find).length !== 2) throw new Error(`${file} does not have exactly one: ${find}`)
  await build({
    entryPoints: [join(root, 'test/simulation/run.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    alias: { '#outbound': join(root, 'adapters/outbound/none.ts') },
    tsconfig: join(root, 'tsconfig.json'),
    plugins: [
      {
        name: 'plant',
        setup: ({ onLoad }) =>
          onLoad({ filter: new RegExp(`${file.replace(/[.]/g, '\\.')}$`) }, () => ({
            contents: text.replace(find, () => replace),
            loader: 'ts',
          })),
      },
    ],
    logLevel: 'error',
  })
}

let missed = 0
for (const plant of chosen) {
  const outfile = join(folder, `${plant.name.replace(/\W+/g, '-')}.mjs`)
  await bundle(plant, outfile)
  const began = Date.now()
  const args = ['--histories', values.histories, '--seed', values.seed, '--store', plant.store ?? 'atomic']
  const { status, stdout } = spawnSync(process.execPath, [outfile, ...args], { encoding: 'utf8' })
  const [, seed, rule] = /Seed (\d+) broke a rule: (.*)/.exec(stdout) ?? []
  const seconds = Math.round((Date.now() - began) / 1000)
  if (status === 1 && seed !== undefined) {
    const after = Number(seed) - Number(values.seed) + 1
    console.log(
      `found   ${plant.name.padEnd(28)} after ${after} histories, ${seconds} s, seed ${seed}\n        ${rule}`,
    )
  } else {
    missed++
    console.log(`MISSED  ${plant.name.padEnd(28)} in ${values.histories} histories, ${seconds} s`)
  }
}
rmSync(folder, { recursive: true })
console.log(`\n${chosen.length - missed} of ${chosen.length} planted faults were found`)
process.exit(missed === 0 ? 0 : 1)
