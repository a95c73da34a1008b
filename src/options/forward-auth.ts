import * as v from 'valibot'
import { isRange } from '../http/address.ts'
import { choice, type Entries, listOf, shape } from '../validation/shape.ts'
import type { McpSettings } from './mcp.ts'
import type { Report } from './report.ts'
import type { Resource } from './resource.ts'

/** Options about forward auth. */
export interface ForwardAuthFamily {
  /** Answers `/forward-auth`, where a native proxy asks about each request that it carries itself. Off by default. */
  forwardAuth?: ForwardAuthOptions | undefined
}

/** Forward auth: a native proxy moves the bodies, and Lockgate only decides. */
export interface ForwardAuthOptions {
  /**
   * The proxy that asks. It decides where the original request stands. `nginx`: `X-Original-Method` and
   * `X-Original-URI`. `caddy` and `traefik`: `X-Forwarded-Method`, `X-Forwarded-Uri` and `X-Forwarded-Host`. `envoy`: the
   * request itself, below `/forward-auth`.
   */
  proxy: ProxyKind
  /** The value that the proxy sends as `X-Forward-Auth-Secret`, of at least 32 characters. */
  secret?: string | undefined
  /** The addresses of the proxy, each with an optional prefix length, such as `10.0.0.0/8`. */
  from?: readonly string[] | undefined
}

export type ProxyKind = 'nginx' | 'caddy' | 'traefik' | 'envoy'

export interface ForwardAuthSettings {
  readonly forwardAuth: ForwardAuthOptions | undefined
}

const secret = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{32,}$/, 'expected at least 32 random characters; `lockgate secret` makes them'),
)

const range = v.pipe(v.string(), v.check(isRange, 'expected an address, or a range such as 10.0.0.0/8'))

export const forwardAuthEntries: Entries<ForwardAuthFamily, ForwardAuthSettings> = {
  forwardAuth: v.optional(
    v.pipe(
      shape({
        proxy: choice('nginx', 'caddy', 'traefik', 'envoy'),
        secret: v.optional(secret),
        from: v.optional(listOf(range, 1)),
      }),
      v.check(
        ({ secret, from }) => secret !== undefined || from !== undefined,
        'needs `secret` or `from`: the proxy must be the only one that may ask',
      ),
    ),
  ) as v.GenericSchema<ForwardAuthOptions | undefined>,
}

/** The last segment of the path where a proxy asks. */
export const FORWARD_AUTH_PATH = '/forward-auth'

/**
 * Tells whether a proxy in front can carry the requests to a server. A handler is in this process, and rules for tools
 * depend on bodies, which a proxy does not show.
 */
export const isCarried = ({ target, inspection }: Resource): boolean =>
  'url' in target && inspection === undefined

/**
 * Refuses an MCP server that would take the path away, one whose fixed query the proxy in front would leave out, and a
 * deployment without a server to ask about.
 */
export function checkForwardAuth(
  { forwardAuth, guarded, basePath }: ForwardAuthSettings & McpSettings & { readonly basePath: string },
  report: Report,
): void {
  if (!forwardAuth) return
  const own = basePath + FORWARD_AUTH_PATH
  const index = guarded.findIndex(({ path }) => `${path}/`.startsWith(`${own}/`))
  if (index >= 0) report(`mcp.${index}.path`, 'is the path of forward auth: choose another one')
  for (const [index, resource] of guarded.entries()) {
    const { target } = resource
    if (isCarried(resource) && 'url' in target && target.url.search !== '')
      report(
        `mcp.${index}.url`,
        'has a query, which Lockgate cannot add to requests that another proxy carries: remove it here, and let that proxy set it',
        'forwardAuth',
      )
  }
  if (!guarded.some(isCarried)) {
    report('forwardAuth', 'needs an MCP server with `url` and without rules that depend on bodies', 'mcp')
  }
}
