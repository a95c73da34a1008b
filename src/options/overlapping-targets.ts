import type { ConfigIssue } from '../errors.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { foldPath } from '../http/target.ts'
import type { Resource } from './resource.ts'

interface Place {
  readonly index: number
  readonly path: string
  readonly host: string
  readonly target: string
}

/** Names this machine by one name, because each of its names leads to the same server. */
export const hostOf = ({ protocol, hostname, port }: URL): string =>
  `${protocol}//${isLoopbackHost(hostname) ? 'loopback' : hostname}:${port}`

/**
 * Returns a warning for each pair of MCP servers at one origin of which one lies below the other. What a token for the
 * outer one may reach then depends on how the server there reads paths.
 */
export function overlappingTargets(resources: readonly Resource[]): ConfigIssue[] {
  const places = resources.flatMap(({ path, target }, index): Place[] =>
    'url' in target
      ? [
          {
            index,
            path: path || '/',
            host: hostOf(target.url),
            target: foldPath(target.url.pathname).replace(/\/+$/, ''),
          },
        ]
      : [],
  )
  return places.flatMap((inner) =>
    places
      .filter((outer) => outer.index !== inner.index && outer.host === inner.host)
      .filter(({ index, target }) =>
        // Of two equal ones, one warning is enough.
        inner.target === target ? index < inner.index : inner.target.startsWith(`${target}/`),
      )
      .map((outer) => ({
        path: `mcp.${inner.index}.url`,
        message:
          `lies ${inner.target === outer.target ? 'at' : 'below'} the address behind ${outer.path}, so a token for ` +
          `${outer.path} may reach ${inner.path} too, if the server there reads paths in its own way; ` +
          'give each server an origin of its own, or check scopes there as well',
      })),
  )
}
