import { OAuthError } from '../errors.ts'

/** Requests a refresh token (OpenID Connect Core §11). It is granted to clients, but no resource requires it. */
export const OFFLINE_ACCESS = 'offline_access'

/** Scopes that clients request from every server. They say nothing about this one. */
const HABITUAL = new Set(['openid', 'profile', 'email', 'address', 'phone', OFFLINE_ACCESS])

const LIMIT = 100

/**
 * Splits a `scope` value into a list without repeats.
 *
 * @throws {OAuthError} `invalid_scope` for characters outside the grammar or more than 100 scopes.
 * @see [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)
 */
export function parseScope(text: string | undefined): string[] {
  if (text === undefined) return []
  const scopes = [...new Set(text.split(' ').filter((scope) => scope !== ''))]
  if (scopes.length > LIMIT || !/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) {
    throw new OAuthError('invalid_scope', 'The requested scope is malformed', { reason: 'malformed-scope' })
  }
  return scopes
}

/** The scopes that one client may get for one resource. */
export interface ScopeRules {
  /** Scopes of this server that the client may have. */
  readonly supported: readonly string[]
  /** Scopes for a request that names no useful one. Empty if the client cannot use the resource at all. */
  readonly fallback: readonly string[]
  /** `true` if the client may get a refresh token. */
  readonly offline: boolean
}

/**
 * Returns the scope to ask the user for. Unknown scopes are dropped, because clients request what other servers know.
 * The token response names what was granted.
 *
 * @throws {OAuthError} `invalid_scope` if the client requests unknown scopes only, or may have none for the resource.
 */
export function grantableScope(requested: readonly string[], rules: ScopeRules): string[] {
  const known = requested.filter((scope) => rules.supported.includes(scope))
  if (known.length === 0 && requested.some((scope) => !HABITUAL.has(scope))) {
    throw new OAuthError('invalid_scope', 'None of the requested scopes is known', {
      reason: 'unknown-scope',
    })
  }
  const granted = known.length > 0 ? known : [...rules.fallback]
  if (granted.length === 0) {
    throw new OAuthError('invalid_scope', 'The client may not have the scope that this server requires', {
      reason: 'client-lacks-scope',
    })
  }
  return rules.offline && requested.includes(OFFLINE_ACCESS) ? [...granted, OFFLINE_ACCESS] : granted
}

/**
 * Returns the scope of a token whose request may narrow what was granted, but never widen it. Scopes that do not exist
 * here are ignored, as at the authorization endpoint. A request that leaves nothing useful gets all that was granted. A
 * scope that a granted one implies is narrower, so a request may name it.
 *
 * @param table The scopes of this server.
 * @throws {OAuthError} `invalid_scope` if the request names a scope of this server that was not granted.
 * @see [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export function narrowScope(
  granted: readonly string[],
  requested: readonly string[],
  table: ScopeTable,
): readonly string[] {
  const known = requested.filter((scope) => Object.hasOwn(table, scope))
  if (!covers(granted, known, table)) {
    throw new OAuthError('invalid_scope', 'The requested scope exceeds what was granted', {
      reason: 'scope-not-granted',
    })
  }
  const implied = known.filter((scope) => !granted.includes(scope))
  const narrowed = [...granted.filter((scope) => requested.includes(scope)), ...implied]
  return isUseful(narrowed) ? narrowed : granted
}

/** The meaning of one scope of this server. */
export interface ScopeMeaning {
  /** Text for users. */
  readonly description: string
  /**
   * The provider's scopes that it needs, in the provider's spelling. By the provider's id if there are several: a
   * provider that is not named cannot give this scope.
   */
  readonly upstream: readonly string[] | Readonly<Record<string, readonly string[]>>
  /** Whether a client that requests no scope gets this one. */
  readonly default?: boolean
  /** Every narrower scope that it satisfies, directly or through another one. Its `upstream` contains their needs. */
  readonly implies?: readonly string[]
}

export type ScopeTable = Readonly<Record<string, ScopeMeaning>>

const impliedBy = (scope: string, table: ScopeTable): readonly string[] =>
  (Object.hasOwn(table, scope) && table[scope]?.implies) || []

const satisfies = (granted: readonly string[], scope: string, table: ScopeTable): boolean =>
  granted.includes(scope) || granted.some((one) => impliedBy(one, table).includes(scope))

/**
 * Returns the needed scopes that are missing. A granted scope also satisfies those that it implies.
 *
 * @param table The scopes of this server, with every implied scope resolved.
 */
export const missingScopes = (
  granted: readonly string[],
  needed: readonly string[],
  table: ScopeTable,
): string[] => needed.filter((scope) => !satisfies(granted, scope, table))

/** Returns whether granted scopes satisfy all that are needed, by themselves or by what they imply. */
export const covers = (granted: readonly string[], needed: readonly string[], table: ScopeTable): boolean =>
  needed.every((scope) => satisfies(granted, scope, table))

/**
 * Returns the part of a requested scope that lies within every limit. Unknown scopes are dropped. Of a broad scope that is
 * beyond a limit, the narrower ones that it implies may be left.
 *
 * @param limits Lists of scopes; `undefined` is no limit.
 * @param table The scopes of this server, with every implied scope resolved.
 */
export function limitScope(
  requested: readonly string[],
  limits: readonly (readonly string[] | undefined)[],
  table: ScopeTable,
): string[] {
  const known = requested.filter((scope) => Object.hasOwn(table, scope))
  const all = [...new Set([...known, ...known.flatMap((scope) => impliedBy(scope, table))])]
  const left = all.filter((scope) => limits.every((limit) => !limit || covers(limit, [scope], table)))
  return left.filter((scope) => {
    const others = left.filter((one) => one !== scope)
    return known.includes(scope) || !covers(others, [scope], table)
  })
}

type Needs = ScopeMeaning['upstream']
const isForAll = (needs: Needs): needs is readonly string[] => Array.isArray(needs)

/** Returns the scopes of one provider that a scope needs, or `undefined` if the provider cannot give it. */
function needsAt({ upstream }: ScopeMeaning, provider: string): readonly string[] | undefined {
  if (isForAll(upstream)) return upstream
  return Object.hasOwn(upstream, provider) ? upstream[provider] : undefined
}

/** Returns `true` if a scope needs no scope of any provider. */
export const isFree = ({ upstream }: ScopeMeaning): boolean =>
  isForAll(upstream) ? upstream.length === 0 : false

/** Returns the ids of the providers that can give a scope, or `undefined` for all. */
export const giversOf = ({ upstream }: ScopeMeaning): readonly string[] | undefined =>
  isForAll(upstream) ? undefined : Object.keys(upstream)

/** Returns the scopes that at least one of the providers can give. @param providers `undefined` if they are not known. */
export const offeredScopes = (table: ScopeTable, providers: readonly string[] | undefined): string[] =>
  Object.keys(table).filter((name) => {
    const givers = giversOf(table[name]!)
    return !givers || !providers || givers.some((id) => providers.includes(id))
  })

/**
 * Returns the scopes for a client that requests none: those that the resource requires and those that the operator
 * marked as default. If none is marked, a resource without required scopes gets every scope that needs no scope of the
 * provider, or all scopes if there is no such scope. A scope that implies others is broad: it has to be marked.
 *
 * @param required The scopes that every request to the resource needs.
 * @param offered The scopes that a provider of the resource can give. Default: all.
 */
export function defaultScope(
  required: readonly string[],
  table: ScopeTable,
  offered?: readonly string[],
): readonly string[] {
  const names = offered ?? Object.keys(table)
  const marked = names.filter((name) => table[name]?.default)
  if (marked.length > 0) return [...new Set([...required, ...marked])]
  if (required.length > 0) return required
  const narrow = names.filter((name) => impliedBy(name, table).length === 0)
  const least = narrow.length > 0 ? narrow : names
  const free = least.filter((name) => table[name] && isFree(table[name]))
  return free.length > 0 ? free : least
}

/**
 * Returns the scopes that a user may leave out: those without which the resource's required scopes are still satisfied.
 * One useful scope has to remain, so a single one cannot be left out.
 */
export function optionalScopes(
  scopes: readonly string[],
  required: readonly string[],
  table: ScopeTable,
): string[] {
  const met = required.filter((one) => covers(scopes, [one], table))
  const without = (scope: string) => scopes.filter((one) => one !== scope)
  const optional = scopes.filter((scope) => covers(without(scope), met, table))
  const useful = optional.filter((scope) => scope !== OFFLINE_ACCESS)
  const isLast = useful.length === 1 && scopes.filter((scope) => scope !== OFFLINE_ACCESS).length === 1
  return isLast ? optional.filter((scope) => scope === OFFLINE_ACCESS) : optional
}

/**
 * Returns the scopes of a provider that these scopes need, in addition to those of every sign-in.
 *
 * @param provider The provider's id.
 */
export const upstreamScopes = (scopes: readonly string[], table: ScopeTable, provider: string): string[] => [
  ...new Set(scopes.flatMap((scope) => (table[scope] && needsAt(table[scope], provider)) ?? [])),
]

/** Returns the scopes whose needs the provider granted. A scope that the provider did not grant is not granted here. */
export const backedScopes = (
  scopes: readonly string[],
  table: ScopeTable,
  provider: string,
  isGranted: (upstream: string) => boolean,
): string[] =>
  scopes.filter((scope) => {
    const meaning = table[scope]
    return meaning === undefined || (needsAt(meaning, provider)?.every(isGranted) ?? false)
  })

/** Tells whether a token with these scopes permits anything. */
export const isUseful = (scopes: readonly string[]): boolean =>
  scopes.some((scope) => scope !== OFFLINE_ACCESS)
