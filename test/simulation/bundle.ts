import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Plant } from './planted-faults.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Bundles the simulation, so that each of its processes starts at once.
 *
 * @param plant A change of one file of the product.
 * @throws {Error} The file does not have the text that the plant replaces exactly once.
 */
export async function bundleSimulation(outfile: string, plant?: Plant): Promise<void> {
  await build({
    entryPoints: [join(root, 'test/simulation/worker.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    alias: { '#outbound': join(root, 'adapters/outbound/none.ts') },
    tsconfig: join(root, 'tsconfig.json'),
    plugins: plant ? [planting(plant)] : [],
    logLevel: 'error',
  })
}

function planting({ file, find, replace }: Plant): {
  name: string
  setup(build: import('esbuild').PluginBuild): void
} {
  const text = readFileSync(join(root, file), 'utf8')
  if (text.split(find).length !== 2) throw new Error(`${file} does not have exactly one: ${find}`)
  const filter = new RegExp(`${file.replace(/[.]/g, '\\.')}$`)
  return {
    name: 'plant',
    setup: ({ onLoad }) =>
      onLoad({ filter }, () => ({ contents: text.replace(find, () => replace), loader: 'ts' })),
  }
}
