import * as v from 'valibot'
import { isFree, type ScopeTable } from '../protocol/scope.ts'
import { identifiesTokens } from '../providers/provider.ts'
import { type Entries, hook, label, listOf, shape, type WithDefaults, whole } from '../validation/shape.ts'
import { areUnique, type Report } from './report.ts'
import { checkScopes, scopeName } from './scopes.ts'
import { idOf, isOwnLogin, type Place } from './upstream.ts'

/** The owner of an API key. */
export interface ApiKeyIdentity {
  /** The purpose of the key, such as `nightly build`, for events and for the MCP server. At most 100 characters. */
  name: string
  /** The user it acts for: keys with the same text are the same user. By default `name`. */
  user?: string | undefined
  /** The scopes it has. All by default. */
  scopes?: readonly string[] | undefined
}

/**
 * Identifies the owner of a bearer token that Lockgate did not issue. Return `undefined` to reject it. The result is kept
 * for `apiKeyTtl` seconds for all requests with this token. Compare digests or look them up, never the key itself.
 */
export type VerifyApiKey = (
  key: string,
  about: { readonly resource: URL },
) => ApiKeyIdentity | undefined | Promise<ApiKeyIdentity | undefined>

/** A key that works without a sign-in, for a script or a service. */
export interface ApiKeyOptions {
  /** The purpose of the key, such as `nightly build`, for events and for the MCP server. Unique among the keys. */
  name: string
  /** The SHA-256 of the key as 64 hexadecimal digits. `lockgate key` makes both. The key itself is stored nowhere. */
  keyHash: string
  /** The user it acts for: keys with the same text are the same user. By default `name`. */
  user?: string | undefined
  /** The scopes it has. All by default. */
  scopes?: readonly string[] | undefined
}

/** Options about bearer tokens that are not Lockgate's own. */
export interface ApiKeysOptions {
  /**
   * API keys, by their hash. They work as bearer tokens without a sign-in. `allow` is not applied.
   *
   * @default []
   */
  apiKeys?: readonly ApiKeyOptions[] | undefined
  /**
   * Identifies the owner of a bearer token that Lockgate did not issue: returns `{ name, user, scopes }`, or `undefined`
   * to reject it. `allow` is not applied.
   */
  verifyApiKey?: VerifyApiKey | undefined
  /**
   * The scopes of callers who send the provider's own access token as bearer token, such as a personal access token. Off
   * by default. The provider confirms the token's owner, not the application it was issued to: **any application that
   * ever got a token for a user can act as that user here.**
   */
  dangerouslyAcceptProviderTokens?: readonly string[] | undefined
  /**
   * The time for which a `verifyApiKey` result is kept, in seconds, at most 3600. A revoked key keeps working for up to
   * this long.
   *
   * @default 60
   */
  apiKeyTtl?: number | undefined
}

const DEFAULTS = { apiKeys: [], apiKeyTtl: 60 } as const

export type ApiKeysParsed = WithDefaults<ApiKeysOptions, typeof DEFAULTS>

const apiKey: v.GenericSchema<ApiKeyOptions> = shape({
  name: label,
  keyHash: v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the key, 64 lower-case hexadecimal digits'),
  ),
  user: v.optional(label),
  scopes: v.optional(listOf(scopeName, 1)),
})

export const apiKeysEntries: Entries<ApiKeysOptions, ApiKeysParsed> = {
  apiKeys: v.optional(listOf(apiKey), DEFAULTS.apiKeys),
  verifyApiKey: v.optional(hook<VerifyApiKey>()),
  dangerouslyAcceptProviderTokens: v.optional(listOf(scopeName, 1)),
  apiKeyTtl: v.optional(whole(1, 3600), DEFAULTS.apiKeyTtl),
}

const identity = v.object({ name: label, user: v.optional(label), scopes: v.optional(v.array(v.string())) })

/** Tells whether a result of {@link VerifyApiKey} is an identity: the operator's code may return anything. */
export const isApiKeyIdentity = (result: unknown): result is ApiKeyIdentity => v.is(identity, result)

export interface ApiKeysSettings {
  readonly apiKeys: readonly ApiKeyOptions[]
  readonly verifyApiKey: VerifyApiKey | undefined
  readonly apiKeyTtl: number
  /** The scopes of a provider's own access tokens; `undefined` if they are not accepted. */
  readonly providerTokens: readonly string[] | undefined
}

/** @param providers `undefined` if a function chooses them. */
export function settleApiKeys(
  options: ApiKeysParsed,
  { scopes, providers }: { scopes: ScopeTable; providers: readonly Place[] | undefined },
  report: Report,
): ApiKeysSettings {
  const { apiKeys, verifyApiKey, apiKeyTtl, dangerouslyAcceptProviderTokens: providerTokens } = options
  if (!areUnique(apiKeys.map(({ name }) => name)))
    report('apiKeys', 'two keys share one name: give each its own')
  if (!areUnique(apiKeys.map(({ keyHash }) => keyHash)))
    report('apiKeys', 'two keys have the same hash: remove one')
  for (const [index, key] of apiKeys.entries()) {
    checkScopes(`apiKeys.${index}.scopes`, key.scopes, scopes, report)
  }
  if (providers === undefined) {
    const message = 'cannot be used when `upstream` is a function: API keys have no tenant'
    if (apiKeys.length > 0) report('apiKeys', message, 'upstream')
    if (verifyApiKey) report('verifyApiKey', message, 'upstream')
  }
  if (providerTokens) checkProviderTokens(providerTokens, scopes, providers ?? [], report)
  return { apiKeys, verifyApiKey, apiKeyTtl, providerTokens }
}

/** Only one provider can be asked about such a token: no other one may see it. */
function checkProviderTokens(
  accepted: readonly string[],
  scopes: ScopeTable,
  providers: readonly Place[],
  report: Report,
): void {
  const path = 'dangerouslyAcceptProviderTokens'
  const [provider] = providers
  checkScopes(path, accepted, scopes, report)
  if (accepted.some((scope) => scopes[scope] && !isFree(scopes[scope]))) {
    report(
      path,
      'names a scope with `upstream` scopes, but a token of the provider does not show its scopes: leave that scope out',
      'scopes',
    )
  }
  if (providers.length !== 1 || !provider) {
    report(path, 'needs exactly one provider in `upstream`', 'upstream')
  } else if (isOwnLogin(provider) || !identifiesTokens(provider)) {
    report(
      path,
      `cannot be used with ${idOf(provider)}, which does not identify the owner of an access token`,
      'upstream',
    )
  }
}
