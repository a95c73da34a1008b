import { isGuessable } from '../crypto/weak-secret.ts'
import { ConfigError, type ConfigIssue } from '../errors.ts'
import { HOST_COOKIES, LOOPBACK_COOKIES } from '../http/cookies.ts'
import { isLoopbackUrl } from '../http/loopback.ts'
import { createLook } from '../pages/look.ts'
import { isVague, providerOfRule } from '../protocol/allow.ts'
import { resourceMetadataPath } from '../protocol/documents.ts'
import { defaultScope, OFFLINE_ACCESS, type ScopeTable } from '../protocol/scope.ts'
import { identifiesTokens, type Provider } from '../providers/provider.ts'
import { checkApiKeys } from './api-keys.ts'
import type { ClientOptions, McpOptions, ProxyOptions, Resource, Settings } from './options.ts'
import { parseOptions } from './schema.ts'
import { idOf, isOwnLogin, type OwnLogin } from './upstream.ts'

type Providers = readonly [Provider | OwnLogin, ...(Provider | OwnLogin)[]]

/**
 * Options with every default in place.
 *
 * @throws {ConfigError} Naming every option that is wrong, by its path.
 */
export function readOptions(options: ProxyOptions): Settings {
  const {
    url,
    secret: secrets,
    mcp,
    on,
    fetch: ownFetch,
    now,
    clientAddress,
    clientDocuments,
    dangerouslyAllowWeakSecret: allowsWeakSecret = false,
    dangerouslyAcceptProviderTokens: providerTokens,
    theme,
    texts,
    ...rest
  } = parseOptions(options)
  const own = typeof ownFetch === 'function' ? { provider: ownFetch, mcp: ownFetch } : (ownFetch ?? {})
  const { origin, pathname } = new URL(url)
  const basePath = pathname.replace(/\/+$/, '')
  const name = rest.name ?? new URL(url).host
  const scopes = readScopes(rest.scopes)
  const resources = listMcp(mcp).map((item) =>
    toResource(item, { origin, basePath, name, scopes, belowPath: rest.discovery.belowPath }),
  )
  const issues = checkTogether(resources, scopes, rest.clients)
  issues.push(...checkApiKeys(rest.apiKeys, scopes))
  const upstream =
    typeof rest.upstream === 'function'
      ? rest.upstream
      : ([rest.upstream].flat() as readonly (Provider | OwnLogin)[] as Providers)
  const providers = typeof upstream === 'function' ? [] : upstream
  issues.push(...checkProviderTokens(providerTokens, scopes, providers))
  for (const path of ['apiKeys', 'verifyApiKey'] as const) {
    if (typeof upstream !== 'function' || [rest[path] ?? []].flat().length === 0) continue
    issues.push({ path, message: 'keys belong to no tenant, and `upstream` gives each request one' })
  }
  issues.push(...checkProviders(resources, providers), ...checkAllow(rest.allow, providers))
  const elsewhere = providers.some((one) => isOwnLogin(one) && new URL(one.login, origin).origin !== origin)
  if (elsewhere) issues.push({ path: 'upstream', message: 'its login is not at the origin of `url`' })
  if (
    providers.some((one) => !isOwnLogin(one) && !one.sendScope) &&
    Object.values(scopes).some(({ upstream }) => upstream.length > 0)
  ) {
    issues.push({
      path: 'scopes',
      message: 'names scopes of the provider, which takes none from its applications',
    })
  }
  const { accept, hosts, loopback } = clientDocuments
  if (loopback && !isLoopbackUrl(url)) {
    issues.push({ path: 'clientDocuments.loopback', message: 'is for development: `url` is not on loopback' })
  }
  const weak = [secrets].flat().some(isGuessable)
  if (weak && !allowsWeakSecret && !isLoopbackUrl(url)) {
    const message =
      'was made up rather than drawn; `lockgate secret` makes one (or dangerouslyAllowWeakSecret)'
    issues.push({ path: 'secret', message })
  }
  if (issues.length > 0) throw new ConfigError(issues)
  return {
    ...rest,
    clientAddress,
    name,
    scopes,
    // `http` passes the checks on loopback hosts only.
    cookies: origin.startsWith('http:') ? LOOPBACK_COOKIES : HOST_COOKIES,
    look: createLook({ server: name, host: new URL(url).host }, theme, texts),
    upstream,
    allow: rest.allow,
    verifyApiKey: rest.verifyApiKey,
    providerTokens,
    documents: accept ? { hosts, loopback } : undefined,
    registrationTtl: rest.registrationTtl,
    registrationPolicy: rest.registrationPolicy,
    grantTtl: rest.grantTtl,
    issuer: origin + basePath,
    origin,
    publicHost: new URL(origin).host,
    publicScheme: new URL(origin).protocol.slice(0, -1),
    basePath,
    secrets: (typeof secrets === 'string' ? [secrets] : secrets) as [string, ...string[]],
    resources: resources as [Resource, ...Resource[]],
    listeners: [on?.event ?? [], rest.metrics?.event ?? []].flat(),
    metrics: rest.metrics,
    fetch: own.provider ?? ((input, init) => fetch(input, init)),
    mcpFetch: own.mcp,
    now: now ?? (() => Math.floor(Date.now() / 1000)),
  }
}

function listMcp(mcp: ProxyOptions['mcp']): readonly McpOptions[] {
  if (typeof mcp === 'string') return [{ url: mcp }]
  if (typeof mcp === 'function') return [{ handler: mcp }]
  return Array.isArray(mcp) ? mcp : [mcp as McpOptions]
}

function toResource(
  options: McpOptions,
  {
    origin,
    basePath,
    name,
    scopes,
    belowPath,
  }: { origin: string; basePath: string; name: string; scopes: ScopeTable; belowPath: boolean },
): Resource {
  const target = options.url === undefined ? { handler: options.handler! } : { url: new URL(options.url) }
  const own = options.path ?? ('url' in target ? target.url.pathname : '/mcp')
  const path = basePath + own.replace(/\/+$/, '')
  return {
    id: origin + path,
    path,
    name: options.name ?? name,
    scopes: options.scopes ?? [],
    defaultScope: defaultScope(options.scopes ?? [], scopes),
    upstream: typeof options.upstream === 'string' ? [options.upstream] : options.upstream,
    forward: options.forward ?? 'identity',
    target,
    metadataUrl: origin + resourceMetadataPath(path, belowPath ? basePath : ''),
  }
}

const readScopes = (scopes: NonNullable<ProxyOptions['scopes']>): ScopeTable =>
  Object.fromEntries(
    Object.entries(scopes).map(([name, meaning]) => [
      name,
      typeof meaning === 'string'
        ? { description: meaning, upstream: [] }
        : {
            description: meaning.description,
            upstream: meaning.upstream ?? [],
            ...(meaning.default && { default: true }),
          },
    ]),
  )

function checkProviders(
  resources: readonly Resource[],
  providers: readonly (Provider | OwnLogin)[],
): ConfigIssue[] {
  const known = new Set(providers.map(idOf))
  const path = (index: number) => `mcp.${index}.upstream`
  return resources.flatMap(({ upstream = [] }, index) =>
    upstream.every((id) => known.has(id))
      ? []
      : [{ path: path(index), message: 'names a provider that `upstream` does not have' }],
  )
}

/** With several providers a name counts for nothing until it is said whose it is. */
function checkAllow(
  allow: ProxyOptions['allow'],
  providers: readonly (Provider | OwnLogin)[],
): ConfigIssue[] {
  if (!Array.isArray(allow) || providers.length === 0) return []
  const ids = providers.map(idOf)
  return (allow as readonly string[]).flatMap((rule, index) => {
    const path = `allow.${index}`
    const named = providerOfRule(rule)
    if (named !== undefined && !ids.includes(named))
      return [{ path, message: 'names a provider that `upstream` does not have' }]
    if (ids.length === 1 || !isVague(rule)) return []
    const message = `means somebody else at each provider: put one of them before it, such as ${ids[0]}/`
    return [{ path, message }]
  })
}

/** Rules that hold between options. */
function checkTogether(
  resources: readonly Resource[],
  scopes: ScopeTable,
  clients: readonly ClientOptions[],
): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const known = Object.keys(scopes)
  const repeated = (values: readonly string[]) =>
    values.some((value, index) => values.indexOf(value) !== index)
  if (known.includes(OFFLINE_ACCESS)) {
    issues.push({
      path: `scopes.${OFFLINE_ACCESS}`,
      message: 'is built in: clients that refresh may always ask for it',
    })
  }
  if (known.length === 0) issues.push({ path: 'scopes', message: 'expected at least one scope' })
  if (repeated(resources.map(({ id }) => id)))
    issues.push({ path: 'mcp', message: 'two servers share one path' })
  if (repeated(clients.map(({ clientId }) => clientId))) {
    issues.push({ path: 'clients', message: 'two clients share one clientId' })
  }
  for (const [index, { scopes: needed, path }] of resources.entries()) {
    if (needed.some((scope) => !known.includes(scope))) {
      issues.push({ path: `mcp.${index}.scopes`, message: 'names a scope that `scopes` does not have' })
    }
    if (!/^(\/[\w.~-]+)*$/.test(path)) {
      issues.push({
        path: `mcp.${index}.path`,
        message: 'is needed: the path of its URL has other characters',
      })
    }
  }
  return issues
}

/** Whose token it is has one provider to say: another one must not even see it. */
function checkProviderTokens(
  accepted: readonly string[] | undefined,
  scopes: ScopeTable,
  providers: readonly (Provider | OwnLogin)[],
): ConfigIssue[] {
  if (!accepted) return []
  const path = 'dangerouslyAcceptProviderTokens'
  const [provider] = providers
  if (providers.length !== 1 || !provider) return [{ path, message: 'is for one provider' }]
  if (isOwnLogin(provider) || !identifiesTokens(provider)) {
    return [{ path, message: `${idOf(provider)} cannot say whose an access token is that it gave to others` }]
  }
  if (accepted.some((scope) => !Object.hasOwn(scopes, scope))) {
    return [{ path, message: 'names a scope that `scopes` does not have' }]
  }
  if (accepted.some((scope) => scopes[scope]!.upstream.length > 0)) {
    return [
      { path, message: 'names a scope that needs some of the provider, which such a token does not show' },
    ]
  }
  return []
}
