import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { thisNode } from './remote-store.ts'

const folder = process.env.LOCKGATE_RUNTIMES ?? fileURLToPath(new URL('../runtimes', import.meta.url))

/** The command of a runtime that runs TypeScript as it is: the tests' own copy, or the one on the PATH. */
function find(own: string, name: string, args: readonly string[]): readonly string[] | undefined {
  const file = `${folder}/node_modules/${own}`
  if (existsSync(file)) return [file, ...args]
  try {
    execFileSync(name, ['--version'])
    return [name, ...args]
  } catch {
    return undefined
  }
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

export const bun: readonly string[] | undefined = find('@oven/bun-linux-x64/bin/bun', 'bun', ['run'])
export const deno: readonly string[] | undefined = find('@deno/linux-x64-glibc/deno', 'deno', [
  'run',
  '--no-remote',
  '--allow-all',
  '--unstable-kv',
  '--node-modules-dir=manual',
])
/** A Node that has `node:sqlite`: this one, or the tests' own. */
export const nodeWithSqlite: readonly string[] | undefined =
  major > 22 || (major === 22 && minor >= 5)
    ? thisNode
    : find('node24/bin/node', 'node24', ['--disable-warning=ExperimentalWarning'])
