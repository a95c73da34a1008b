import { OAuthError } from '../errors.ts'

/** Asks for a refresh token (OpenID Connect Core §11). Granted, but never named by a resource. */
export const OFFLINE_ACCESS = 'offline_access'

/** Scopes that clients ask of every server out of habit; they say nothing about this one. */
const HABITUAL = new Set(['openid', 'profile', 'email', 'address', 'phone', OFFLINE_ACCESS])

const LIMIT = 100

/**
 * A `scope` value as a list without repeats.
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

/** What the operator offers, and what a request that names nothing useful gets. */
export interface ScopeRules {
  readonly supported: readonly string[]
  readonly fallback: readonly string[]
  /** Whether the client may get a refresh token. */
  readonly offline: boolean
}

/**
 * The scope to ask the user for. Unknown scopes are dropped, since clients ask for what other servers know;
 * the token response names what was granted.
 *
 * @throws {OAuthError} `invalid_scope` when something was asked for and nothing of it is known here.
 */
export function grantableScope(requested: readonly string[], rules: ScopeRules): string[] {
  const known = requested.filter((scope) => rules.supported.includes(scope))
  if (known.length === 0 && requested.some((scope) => !HABITUAL.has(scope))) {
    throw new OAuthError('invalid_scope', 'None of the requested scopes is known', {
      reason: 'unknown-scope',
    })
  }
  const granted = known.length > 0 ? known : [...rules.fallback]
  return rules.offline && requested.includes(OFFLINE_ACCESS) ? [...granted, OFFLINE_ACCESS] : granted
}

/**
 * The scope of a token whose request may narrow what was granted, never widen it.
 *
 * @throws {OAuthError} `invalid_scope` when it names a scope that was not granted.
 * @see [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export function narrowScope(granted: readonly string[], requested: readonly string[]): readonly string[] {
  if (requested.length === 0) return granted
  if (requested.some((scope) => !granted.includes(scope) && !HABITUAL.has(scope))) {
    throw new OAuthError('invalid_scope', 'The requested scope exceeds what was granted', {
      reason: 'scope-too-wide',
    })
  }
  const narrowed = granted.filter((scope) => requested.includes(scope))
  // Only what clients ask for everywhere: it got the fallback when it was granted, and keeps that.
  return narrowed.length > 0 ? narrowed : granted
}

/** What one scope of this server stands for. */
export interface ScopeMeaning {
  /** In words, for people. */
  readonly description: string
  /** The provider's scopes it needs, in the provider's own spelling. */
  readonly upstream: readonly string[]
}

export type ScopeTable = Readonly<Record<string, ScopeMeaning>>

/** What to ask the provider for on behalf of these scopes, beside what every sign-in needs. */
export const upstreamScopes = (scopes: readonly string[], table: ScopeTable): string[] => [
  ...new Set(scopes.flatMap((scope) => table[scope]?.upstream ?? [])),
]

/** Those scopes for which the provider gave what they need: nobody is granted here what is not granted there. */
export const backedScopes = (
  scopes: readonly string[],
  table: ScopeTable,
  isGranted: (upstream: string) => boolean,
): string[] => scopes.filter((scope) => table[scope]?.upstream.every(isGranted) ?? true)

/** Whether anything can be done with them. */
export const isUseful = (scopes: readonly string[]): boolean =>
  scopes.some((scope) => scope !== OFFLINE_ACCESS)
