import * as v from 'valibot'
import { isHttps } from '../providers/parts/https.ts'
import { byKind, choice, hook, listOf, shape, text } from '../validation/shape.ts'
import type { Report } from './report.ts'
import { scopeName } from './scopes.ts'

/**
 * The scope to ask for: fixed; by the scopes of the access token, as in `{ read: 'tools.read' }`; or by a function that gets
 * these scopes.
 */
export type ExchangeScope =
  | string
  | readonly string[]
  | Readonly<Record<string, string | readonly string[]>>
  | ((granted: readonly string[]) => string | readonly string[])

/** A client that the operator registered for an exchange. */
export interface ExchangeClient {
  clientId: string
  /** Absent for a public client. */
  clientSecret?: string | undefined
}

/** Exchanges the provider's token of the user for one that is meant for an MCP server (RFC 8693). */
export interface ExchangeOptions {
  /** The audience of the new token, or several. */
  audience?: string | readonly string[] | undefined
  /** The URL that the new token is for, or several. */
  resource?: string | readonly string[] | undefined
  scope?: ExchangeScope | undefined
  /**
   * The token of the user that is exchanged.
   *
   * @default 'access_token'
   */
  subject?: 'access_token' | 'id_token' | 'refresh_token' | undefined
  /** The `subject_token_type`, for providers with types of their own, such as Auth0. By default the one of `subject`. */
  subjectTokenType?: string | undefined
  /** The `requested_token_type`. By default none is sent, and an access token or a JWT is accepted. */
  requestedTokenType?: 'access_token' | 'jwt' | undefined
  /** The token endpoint, if it is not the one of the sign-in. Okta has one for each authorization server. */
  tokenEndpoint?: string | undefined
  /** A client for the exchange alone. By default the provider's own. */
  client?: ExchangeClient | undefined
  /** Sends a token of the client itself as `actor_token`, with this scope. */
  actor?: { readonly scope?: string | undefined } | undefined
  /** Further parameters. */
  params?: Readonly<Record<string, string>> | undefined
  /**
   * Accepts a response without `issued_token_type`, which RFC 8693 requires.
   *
   * @default false
   */
  acceptMissingType?: boolean | undefined
}

/** The on-behalf-of flow of Microsoft Entra. The sign-in must ask for a scope of the application itself. */
export interface OnBehalfOfOptions {
  /** The scope at the API behind, such as `api://tools/.default`. */
  scope: ExchangeScope
}

/** Cross-app access: the provider vouches for the user at the authorization server of the MCP server behind. */
export interface CrossAppOptions {
  /** The client that Lockgate is at that authorization server. */
  client: ExchangeClient
  /** Its issuer. By default the first one that the metadata of the MCP server names. */
  authorizationServer?: string | undefined
  scope?: ExchangeScope | undefined
  /**
   * The token of the user that the provider gets.
   *
   * @default 'id_token'
   */
  subject?: 'id_token' | 'refresh_token' | undefined
}

/** The rule for the token that one MCP server receives. Made by {@link exchange}, {@link onBehalfOf} or {@link crossApp}. */
export type UpstreamTokenRule =
  | (ExchangeOptions & { readonly type: 'exchange' })
  | (OnBehalfOfOptions & { readonly type: 'on-behalf-of' })
  | (CrossAppOptions & { readonly type: 'cross-app' })

/**
 * Makes the rule of a token exchange.
 *
 * @see [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)
 */
export const exchange = (options: ExchangeOptions): UpstreamTokenRule => ({ ...options, type: 'exchange' })

/** Makes the rule of the on-behalf-of flow of Microsoft Entra. */
export const onBehalfOf = (options: OnBehalfOfOptions): UpstreamTokenRule => ({
  ...options,
  type: 'on-behalf-of',
})

/**
 * Makes the rule of cross-app access.
 *
 * @see [Identity Assertion Authorization Grant](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant)
 */
export const crossApp = (options: CrossAppOptions): UpstreamTokenRule => ({ ...options, type: 'cross-app' })

const texts = byKind<string | readonly string[]>(
  { text, list: listOf(text, 1) },
  'expected a text, or a list of texts',
)

const scope = byKind<ExchangeScope>(
  {
    text,
    list: listOf(scopeName),
    object: v.record(v.string(), texts),
    function: hook<Extract<ExchangeScope, (...args: never[]) => unknown>>(),
  },
  'expected a scope, a list, an object by scope, or a function',
)

const client = shape({ clientId: text, clientSecret: v.optional(text) })
const https = v.pipe(v.string(), v.check(isHttps, 'expected an https URL without query'))

const KINDS = {
  exchange: shape({
    type: choice('exchange'),
    audience: v.optional(texts),
    resource: v.optional(texts),
    scope: v.optional(scope),
    subject: v.optional(choice('access_token', 'id_token', 'refresh_token')),
    subjectTokenType: v.optional(text),
    requestedTokenType: v.optional(choice('access_token', 'jwt')),
    tokenEndpoint: v.optional(https),
    client: v.optional(client),
    actor: v.optional(shape({ scope: v.optional(text) })),
    params: v.optional(
      byKind(
        { object: v.record(v.string(), v.string()) },
        'expected an object with a text for each parameter',
      ),
    ),
    acceptMissingType: v.optional(v.boolean()),
  }),
  'on-behalf-of': shape({ type: choice('on-behalf-of'), scope }),
  'cross-app': shape({
    type: choice('cross-app'),
    client,
    authorizationServer: v.optional(https),
    scope: v.optional(scope),
    subject: v.optional(choice('id_token', 'refresh_token')),
  }),
}

const unknown = v.custom<never>(() => false, 'expected exchange(…), onBehalfOf(…) or crossApp(…)')

export const upstreamToken: v.GenericSchema<UpstreamTokenRule> = v.lazy((input) => {
  const { type } = (input ?? {}) as { type?: keyof typeof KINDS }
  return (type !== undefined && Object.hasOwn(KINDS, type) ? KINDS[type] : unknown) as never
})

/** Reports parameters that would take the place of the protocol's own. */
export function checkUpstreamToken(rule: UpstreamTokenRule | undefined, path: string, report: Report): void {
  if (rule?.type !== 'exchange') return
  const { audience, resource, scope, params = {} } = rule
  if ([audience, resource, scope, params.audience].every((one) => one === undefined)) {
    report(
      path,
      'needs an `audience`, a `resource` or a `scope`: without one the new token is as wide as the old one',
    )
  }
  for (const name of Object.keys(params)) {
    if (OWN.has(name)) report(`${path}.params.${name}`, 'is a parameter that Lockgate sends itself')
  }
}

const OWN = new Set(
  'grant_type subject_token subject_token_type requested_token_type actor_token actor_token_type resource scope client_id client_secret client_assertion client_assertion_type'.split(
    ' ',
  ),
)

/** Returns the scope to ask for, for a token with these scopes. Empty: none is sent. */
export function exchangeScope(scope: ExchangeScope | undefined, granted: readonly string[]): string {
  if (scope === undefined) return ''
  if (typeof scope === 'string') return scope
  if (typeof scope === 'function') return [scope([...granted])].flat().join(' ')
  if (Array.isArray(scope)) return scope.join(' ')
  const table = scope as Readonly<Record<string, string | readonly string[]>>
  const asked = granted.flatMap((name) => (Object.hasOwn(table, name) ? table[name]! : []))
  return [...new Set(asked)].join(' ')
}

/** Returns `true` if the ID token of the user is exchanged, so that it has to be kept. */
export const exchangesIdToken = (rule: UpstreamTokenRule | undefined): boolean =>
  rule !== undefined && subjectOf(rule) === 'id_token'

/** Returns the token of the user that a rule exchanges. */
export function subjectOf(rule: UpstreamTokenRule): 'access_token' | 'id_token' | 'refresh_token' {
  if (rule.type === 'on-behalf-of') return 'access_token'
  return rule.subject ?? (rule.type === 'cross-app' ? 'id_token' : 'access_token')
}
