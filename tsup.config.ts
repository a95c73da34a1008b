import { readdirSync } from 'node:fs'
import { defineConfig } from 'tsup'

/** One for each file of `src/providers`, but for the type they all are. */
const providers = Object.fromEntries(
  readdirSync('src/providers')
    .filter((file) => file.endsWith('.ts') && file !== 'provider.ts')
    .map((file) => [`providers/${file.slice(0, -3)}`, `src/providers/${file}`]),
)

/** One entry for each subpath of package.json's `exports`. */
const library = {
  index: 'src/index.ts',
  bun: 'adapters/bun.ts',
  deno: 'adapters/deno.ts',
  doctor: 'adapters/doctor/index.ts',
  identity: 'adapters/identity.ts',
  node: 'adapters/node.ts',
  otel: 'adapters/otel.ts',
  workers: 'adapters/workers.ts',
  'events/json-lines': 'adapters/events/json-lines.ts',
  'events/prometheus': 'adapters/events/prometheus.ts',
  'limits/redis': 'adapters/limits/redis.ts',
  'limits/workers': 'adapters/limits/workers.ts',
  ...providers,
  'storage/cloudflare-kv': 'adapters/storage/cloudflare-kv.ts',
  'storage/deno-kv': 'adapters/storage/deno-kv.ts',
  'storage/durable-object': 'adapters/storage/durable-object.ts',
  'storage/fs': 'adapters/storage/fs.ts',
  'storage/from-url': 'adapters/storage/from-url.ts',
  'storage/memory': 'adapters/storage/memory.ts',
  'storage/postgres': 'adapters/storage/postgres.ts',
  'storage/redis': 'adapters/storage/redis.ts',
  'storage/sql': 'adapters/storage/sql.ts',
  'storage/sqlite': 'adapters/storage/sqlite.ts',
  'storage/unstorage': 'adapters/storage/unstorage.ts',
}

/** One for each runtime: what `#outbound` stands for. */
const outbound = {
  'outbound/node': 'adapters/outbound/node.ts',
  'outbound/none': 'adapters/outbound/none.ts',
  'outbound/workers': 'adapters/outbound/workers.ts',
}

export default defineConfig({
  entry: { ...library, ...outbound, cli: 'adapters/cli/main.ts' },
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  // Bare names of Node's modules are Node's own habit: `node:` is what every runtime reads.
  removeNodeProtocol: false,
  // Which of them is meant, the runtime says: package.json's `imports`.
  external: [/^node:/, /^cloudflare:/, '#outbound'],
  splitting: true,
  treeshake: true,
  clean: true,
  dts: {
    entry: library,
    compilerOptions: { ignoreDeprecations: '6.0', allowImportingTsExtensions: true },
  },
})
