import type { ConfigIssue } from '../errors.ts'
import { foldPath } from '../http/target.ts'
import { hostOf } from './overlapping-targets.ts'
import type { Resource } from './resource.ts'

/** Endpoints of this server, which follow `url`. */
const ENDPOINTS = ['callback', 'authorize', 'token', 'register', 'revoke', 'consent', 'introspect', 'jwks']

/** Returns warnings of addresses that take an endpoint for the server, or this server for the one behind it. */
export function ownAddresses(issuer: string, resources: readonly Resource[]): ConfigIssue[] {
  const last = new URL(issuer).pathname.split('/').at(-1)!
  const misplaced = ENDPOINTS.includes(last)
    ? [{ path: 'url', message: `ends in /${last}, which is an endpoint below \`url\`: remove /${last}` }]
    : []
  const own = new Set([issuer, ...resources.map(({ id }) => id)].map((address) => placeOf(new URL(address))))
  const circles = resources.flatMap(({ target }, index) =>
    'url' in target && own.has(placeOf(target.url))
      ? [
          {
            path: `mcp.${index}.url`,
            message:
              'is an address of this proxy itself, so requests would go round in a circle: name the MCP server behind it',
          },
        ]
      : [],
  )
  return [...misplaced, ...circles]
}

const placeOf = (url: URL): string => hostOf(url) + foldPath(url.pathname).replace(/\/+$/, '')
