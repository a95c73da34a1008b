import * as v from 'valibot'
import { parseUrl } from '../http/parse-url.ts'
import { resourceMetadataPath } from '../protocol/documents.ts'
import { canonicalResource } from '../protocol/resource.ts'
import { defaultScope, offeredScopes, type ScopeTable } from '../protocol/scope.ts'
import { isHttps } from '../providers/parts/https.ts'
import { missingName } from '../validation/closest.ts'
import { byKind, choice, type Entries, hook, listOf, shape, text } from '../validation/shape.ts'
import { accessToken, settleAccessToken } from './access-token.ts'
import type { McpHandler } from './auth.ts'
import { identity, settleIdentity } from './identity.ts'
import { mcpRuleEntries, ruleValues, settleMcpRules } from './mcp-rules.ts'
import type { McpOptions } from './mcp-server.ts'
import { areUnique, type Report } from './report.ts'
import type { Resource } from './resource.ts'
import { checkScopes, scopeName } from './scopes.ts'
import type { SigningSettings } from './signing.ts'
import { checkUpstreamToken, upstreamToken } from './upstream-token.ts'

export type { ExternalMcp, ForwardedMcp, HandledMcp, McpCommon, McpOptions } from './mcp-server.ts'

/** Options about the protected MCP servers. */
export interface McpServersOptions {
  /** The MCP server to protect: its URL, a handler, or `{ url | handler, … }`; a list of these objects for several. */
  mcp: string | McpHandler | McpOptions | readonly McpOptions[]
}

const targetUrl = v.pipe(
  v.string(),
  v.check((input) => /^https?:$/.test(parseUrl(input)?.protocol ?? ''), 'expected an http(s) URL'),
  // `fetch` refuses such a URL, and reports would print the password.
  v.check((input) => {
    const url = parseUrl(input)
    return !url || (url.username === '' && url.password === '')
  }, 'must not contain a user name or password'),
)

const path = v.pipe(
  v.string(),
  v.regex(/^\/([\w.~-]+(\/[\w.~-]+)*)?$/, 'expected a path such as /mcp, without trailing slash'),
)

const providerIds = byKind<string | readonly string[]>(
  { text, list: listOf(text, 1) },
  'expected the id of a provider, or a list of ids',
)

const server = v.pipe(
  shape({
    path: v.optional(path),
    url: v.optional(targetUrl),
    handler: v.optional(hook<McpHandler>()),
    name: v.optional(text),
    scopes: v.optional(listOf(scopeName)),
    upstream: v.optional(providerIds),
    sessions: v.optional(choice('bound', 'dangerously-unbound')),
    forward: v.optional(choice('identity', 'upstream-token', 'nothing')),
    identity: v.optional(identity),
    upstreamToken: v.optional(upstreamToken),
    accessToken: v.optional(accessToken),
    external: v.optional(v.literal(true, 'expected `true`')),
    resource: v.optional(v.pipe(v.string(), v.check(isHttps, 'expected an https URL without query'))),
    ...mcpRuleEntries,
  }),
  v.check(
    ({ url, handler, external }) => [url, handler, external].filter((one) => one !== undefined).length === 1,
    'expected one of `url`, `handler` and `external`',
  ),
  v.check(
    ({ external, resource }) => (external === undefined) === (resource === undefined),
    '`external` and `resource` belong together',
  ),
  v.check(
    ({ external, path, sessions, forward, ...more }) =>
      !external || [path, sessions, forward, ...ruleValues(more)].every((one) => one === undefined),
    'an external server has no `path`, `sessions`, `forward` or rules, because nothing is forwarded to it: remove them',
  ),
  v.check(
    ({ url, identity, upstreamToken }) => url !== undefined || (identity ?? upstreamToken) === undefined,
    '`identity` and `upstreamToken` are only for a server with `url`',
  ),
  v.check(
    ({ forward, identity, upstreamToken }) =>
      [identity?.as === 'bearer', forward === 'upstream-token', upstreamToken].filter(Boolean).length < 2,
    'only one of `identity: { as: "bearer" }`, `forward: "upstream-token"` and `upstreamToken` can be the Authorization header',
  ),
  v.forward(
    v.check(
      ({ handler, forward }) => handler === undefined || forward === undefined,
      'is only for a server with `url`: a handler receives everything as `auth`',
    ),
    ['forward'],
  ),
) as unknown as v.GenericSchema<McpOptions>

const listed = byKind<McpOptions>(
  { object: server },
  'expected an object: write { url: … } or { handler: … }, with a `path` where several have the same',
)

export const mcpEntries: Entries<McpServersOptions, McpServersOptions> = {
  mcp: byKind<McpServersOptions['mcp']>(
    { text: targetUrl, function: hook<McpHandler>(), object: server, list: listOf(listed, 1) },
    'expected an http(s) URL as text, a function, { url | handler, … } or a list of these objects',
  ),
}

export interface McpSettings {
  /** Every server that tokens are issued for. */
  readonly resources: readonly [Resource, ...Resource[]]
  /** Those of them that this proxy guards. */
  readonly guarded: readonly Resource[]
}

/** The settings of other families that the MCP servers need. */
interface Around {
  readonly origin: string
  readonly basePath: string
  readonly name: string
  readonly scopes: ScopeTable
  /** The ids of the providers; none if a function chooses them. */
  readonly providers: readonly string[]
  /** `true` if the metadata documents are also below the path of `url`. */
  readonly belowPath: boolean
  readonly signing: SigningSettings['signing']
  /** Seconds. */
  readonly accessTokenTtl: number
}

export function settleMcp({ mcp }: McpServersOptions, around: Around, report: Report): McpSettings {
  const { scopes, providers } = around
  const placeOf = (index: number) => (Array.isArray(mcp) ? `mcp.${index}` : 'mcp')
  const resources = listMcp(mcp).map((options, index) => toResource(options, around, placeOf(index), report))
  for (const [index, resource] of resources.entries()) {
    const at = placeOf(index)
    checkScopes(`${at}.scopes`, resource.scopes, scopes, report)
    if (resource.scopes.some((scope) => Object.hasOwn(scopes, scope) && !resource.offered.includes(scope))) {
      report(`${at}.scopes`, 'names a scope that no provider of this server can give', 'scopes')
    }
    const unknown = resource.upstream?.find((id) => !providers.includes(id))
    if (unknown !== undefined)
      report(`${at}.upstream`, missingName(unknown, 'upstream', providers), 'upstream')
    if (!isExternal(resource) && !/^(\/[\w.~-]+)*$/.test(resource.path)) {
      const rule = 'may contain only letters, digits, `-`, `.`, `_`, `~` and `/`'
      report(`${at}.path`, `is required: the path of \`url\` ${rule}`, 'url')
    }
  }
  for (const [index, { identity, exchange }] of resources.entries()) {
    checkUpstreamToken(exchange, `${placeOf(index)}.upstreamToken`, report)
    // A bearer token of the server behind would otherwise be an access token for a server elsewhere.
    if (identity?.header === 'authorization' && resources.some(({ id }) => id === identity.audience)) {
      report(
        `${placeOf(index)}.identity.audience`,
        'is the URL that clients use: name the server behind Lockgate instead',
      )
    }
  }
  if (!areUnique(resources.map(({ id }) => id)))
    report('mcp', 'two servers share one path: set `path` of one of them')
  return {
    resources: resources as [Resource, ...Resource[]],
    guarded: resources.filter((one) => !isExternal(one)),
  }
}

const isExternal = ({ target }: Resource): boolean => 'external' in target

function listMcp(mcp: McpServersOptions['mcp']): readonly McpOptions[] {
  if (typeof mcp === 'string') return [{ url: mcp }]
  if (typeof mcp === 'function') return [{ handler: mcp }]
  return [mcp].flat() as readonly McpOptions[]
}

function toResource(options: McpOptions, around: Around, at: string, report: Report): Resource {
  const { origin, basePath, name, scopes, providers, belowPath } = around
  const target = targetOf(options)
  const upstream = typeof options.upstream === 'string' ? [options.upstream] : options.upstream
  const offered = offeredScopes(scopes, upstream ?? (providers.length > 0 ? providers : undefined))
  const own = options.path ?? ('url' in target ? target.url.pathname : '/mcp')
  const path = basePath + own.replace(/\/+$/, '')
  const required = options.external === true
  return {
    id: required ? canonicalResource(options.resource) : origin + path,
    path,
    inspection: options.external ? undefined : settleMcpRules(at, options, { scopes, offered }, report),
    identity:
      'url' in target
        ? settleIdentity(options.identity, { ...target, ...around }, `${at}.identity`, report)
        : undefined,
    exchange: options.upstreamToken,
    signed: settleAccessToken(options.accessToken, { ...around, required }, `${at}.accessToken`, report),
    name: options.name ?? name,
    scopes: options.scopes ?? [],
    defaultScope: defaultScope(options.scopes ?? [], scopes, offered),
    offered,
    upstream,
    forward: options.forward ?? 'identity',
    bindsSessions: options.sessions !== 'dangerously-unbound',
    target,
    metadataUrl: origin + resourceMetadataPath(path, belowPath ? basePath : ''),
  }
}

function targetOf(options: McpOptions): Resource['target'] {
  if (options.external) return { external: true }
  return options.url === undefined ? { handler: options.handler } : { url: new URL(options.url) }
}
