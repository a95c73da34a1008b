import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ProxyOptions } from '../../../src/index.ts'
import type { Variables } from './environment.ts'

/** Options that have parts of their own. A variable replaces all of them at once. */
const WHOLE = [
  'allow',
  'upstream',
  'clients',
  'trustedIssuers',
  'resourceServers',
  'metrics',
] as const satisfies readonly (keyof ProxyOptions)[]

/**
 * Returns a warning for each setting that another place hides, because that may take away a protection. A variable may
 * replace a whole option of the config file, and the file may replace the provider that a variable is for.
 */
export async function replacedSettings(
  given: Partial<ProxyOptions>,
  file: string,
  from: ReadonlyMap<string, string>,
  variables: Variables,
): Promise<string[]> {
  const name = basename(file)
  const replaced = WHOLE.filter((path) => given[path] !== undefined && from.get(path) !== name)
  return [
    ...replaced.map(
      (path) =>
        `${from.get(path)}: replaces the whole \`${path}\` of ${name}, and none of that counts; remove one of the two`,
    ),
    ...(await unusedVariables(given, file, variables)),
  ]
}

/** A file with a provider of its own may read some of these variables itself. */
async function unusedVariables(
  given: Partial<ProxyOptions>,
  file: string,
  { get, origins }: Variables,
): Promise<string[]> {
  if (given.upstream === undefined || get('LOCKGATE_UPSTREAM') !== undefined) return []
  const names = [...origins.keys()].filter((one) => one.startsWith('LOCKGATE_UPSTREAM_') && get(one))
  if (names.length === 0) return []
  const text = await readFile(file, 'utf8').catch(() => '')
  return names
    .filter((one) => !text.includes(one))
    .map((one) => `${origins.get(one)}: does not count, because \`upstream\` is that of ${basename(file)}`)
}
