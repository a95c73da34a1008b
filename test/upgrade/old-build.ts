import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { createProxy, Store } from 'lockgate'
import type { oidc } from 'lockgate/providers/oidc'

/**
 * A build of the commit before records of format 2, with which a test runs this build side by side. It was made in a
 * checkout of fa081f0 with this entry, and with packages left outside:
 *
 *     export { createProxy } from './src/index.ts'
 *     export { redis } from './adapters/storage/redis.ts'
 *     export { memory } from './adapters/storage/memory.ts'
 *     export { oidc } from './src/providers/oidc.ts'
 *
 *     npx esbuild entry.ts --bundle --minify --format=esm --platform=node --target=node20 --packages=external \
 *       --alias:#outbound=./adapters/outbound/none.ts --outfile=build-0.1.mjs && gzip -9 build-0.1.mjs
 */
export interface OldBuild {
  readonly createProxy: typeof createProxy
  readonly redis: (options: { url: string }) => Store & { close(): Promise<void> }
  readonly memory: () => Store
  readonly oidc: typeof oidc
}

/** Loads the old build. It is unpacked below this folder, so that it finds the installed packages. */
export async function loadOldBuild(): Promise<OldBuild> {
  const packed = readFileSync(new URL('./build-0.1.mjs.gz', import.meta.url))
  const folder = new URL('../generated/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = new URL('build-0.1.mjs', folder)
  writeFileSync(file, gunzipSync(packed))
  return (await import(/* @vite-ignore */ file.href)) as OldBuild
}
