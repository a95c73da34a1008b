import type { Resource } from './resource.ts'

/** Returns the MCP servers that a list of URLs or paths names. @param named `undefined` for all. */
export const namedResources = (
  named: readonly string[] | undefined,
  resources: readonly Resource[],
): readonly Resource[] =>
  named === undefined
    ? resources
    : resources.filter(({ id, path }) => named.includes(id) || named.includes(path))
