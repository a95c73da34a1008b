import { gzipSync } from 'node:zlib'
import { type BuildOptions, build } from 'esbuild'
import manifest from '../../package.json' with { type: 'json' }

const root = new URL('../..', import.meta.url).pathname

/** What a user writes who wants one provider, one store and the pages on Workers. */
const WORKERS_APP = `
import { github } from 'lockgate/providers/github'
import { cloudflareKv } from 'lockgate/storage/cloudflare-kv'
import { fromEnv } from 'lockgate/workers'
export default fromEnv((env) => ({
  url: 'https://mcp.example.com', secret: env.SECRET, mcp: 'https://inner.example.com/mcp',
  upstream: github({ clientId: 'id', clientSecret: env.GITHUB }), storage: cloudflareKv(env.STORE),
}))`

/** The same without anything of a runtime, and with the smallest store. */
const CORE_APP = `
import { createProxy } from 'lockgate'
import { github } from 'lockgate/providers/github'
import { memory } from 'lockgate/storage/memory'
export default createProxy({
  url: 'https://mcp.example.com', secret: 'x'.repeat(32), mcp: 'https://inner.example.com/mcp',
  upstream: github({ clientId: 'id', clientSecret: 'secret' }), storage: memory(),
})`

/** Every program that is weighed: the entries of the package one by one, and two whole applications. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'minimal Workers app': WORKERS_APP,
  'minimal app': CORE_APP,
  ...Object.fromEntries(
    Object.keys(manifest.exports)
      .filter((path) => path !== './package.json')
      .map((path) => [path, `export * from '${path.replace('.', manifest.name)}'`]),
  ),
}

/** Under which name a program's budget stands: providers are data, and share one. */
export const budgetOf = (program: string): string => program.replace(/^(\.\/providers\/).*/, '$1*')

const options = (contents: string): BuildOptions => ({
  stdin: { contents, resolveDir: root },
  bundle: true,
  write: false,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['workerd', 'worker', 'import'],
  // Engines are the user's own, and runtimes bring their modules.
  external: ['node:*', 'cloudflare:*', ...Object.keys(manifest.peerDependencies)],
  // Not the project's: its paths lead to the sources.
  tsconfigRaw: '{}',
  logLevel: 'silent',
})

/** Bytes of a program, bundled from the built package, minified and packed with gzip. */
export async function weigh(name: string): Promise<number> {
  const { outputFiles } = await build(options(PROGRAMS[name]!))
  return gzipSync(outputFiles![0]!.contents, { level: 9 }).length
}

/** What a program weighs, and by what. */
export interface Composition {
  /** Bytes, minified and packed. */
  readonly whole: number
  /** Of them, what is installed with Lockgate: no code of ours can make it less. */
  readonly libraries: number
  /** Packages and parts of the sources, with their share of the bytes before they are packed. */
  readonly parts: readonly (readonly [name: string, share: number])[]
}

/** Taken apart by the sources: the built package has them in one piece. */
export async function compose(name: string): Promise<Composition> {
  const whole = await weigh(name)
  const usual = options(PROGRAMS[name]!)
  const packages = Object.keys(manifest.dependencies)
  const own = await build({ ...usual, external: [...usual.external!, ...packages] })
  const { tsconfigRaw: _, ...fromSources } = usual
  const { metafile } = await build({
    ...fromSources,
    tsconfig: `${root}/tsconfig.json`,
    external: [...usual.external!, '#outbound'],
    metafile: true,
  })
  const [output] = Object.values(metafile!.outputs)
  const shares = new Map<string, number>()
  for (const [file, { bytesInOutput }] of Object.entries(output!.inputs)) {
    const part =
      /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ??
      /(?:src|adapters)\/[\w-]+/.exec(file)?.[0] ??
      'the application'
    shares.set(part, (shares.get(part) ?? 0) + bytesInOutput / output!.bytes)
  }
  const libraries = whole - gzipSync(own.outputFiles![0]!.contents, { level: 9 }).length
  return { whole, libraries, parts: [...shares].sort(([, a], [, b]) => b - a) }
}
