import { locate } from '../runtimes/locate.ts'
import { thisNode } from './remote-store.ts'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

const command = (name: Parameters<typeof locate>[0], ...args: string[]): readonly string[] | undefined => {
  const binary = locate(name)
  return binary === undefined ? undefined : [binary, ...args]
}

export const bun: readonly string[] | undefined = command('bun', 'run')
export const deno: readonly string[] | undefined = command(
  'deno',
  'run',
  '--no-remote',
  '--allow-all',
  '--unstable-kv',
  '--node-modules-dir=manual',
)
/** A Node that has `node:sqlite`: this one, or the tests' own. */
export const nodeWithSqlite: readonly string[] | undefined =
  major > 22 || (major === 22 && minor >= 5)
    ? thisNode
    : command('node24', '--disable-warning=ExperimentalWarning')
