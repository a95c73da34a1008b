import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A runtime the tests can start beside the Node they run on. */
export type RuntimeBinary = 'node24' | 'bun' | 'deno' | 'workerd'

const INSTALLED: Readonly<Record<RuntimeBinary, string>> = {
  node24: 'node24/bin/node',
  bun: '@oven/bun-linux-x64/bin/bun',
  deno: '@deno/linux-x64-glibc/deno',
  workerd: '@cloudflare/workerd-linux-64/bin/workerd',
}

const modules = fileURLToPath(new URL('./node_modules/', import.meta.url))

/**
 * Where a runtime's binary is: the one this folder pins, otherwise what the PATH has.
 *
 * @returns `undefined` where there is neither: whoever asks says so and leaves the runtime out.
 */
export function locate(runtime: RuntimeBinary): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  // npm puts its own in front: what lies there may be a package whose binary was never fetched.
  const onPath = folders.filter((folder) => !folder.endsWith('.bin')).map((folder) => join(folder, runtime))
  return [join(modules, INSTALLED[runtime]), ...onPath].find((path) => existsSync(path))
}
