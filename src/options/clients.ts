import * as v from 'valibot'
import { areKeysPublic } from '../protocol/key-set.ts'
import { isRegistrable } from '../protocol/redirect-uri.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import { isHttps } from '../providers/parts/https.ts'
import { type Entries, flag, listOf, shape, text, type WithDefaults } from '../validation/shape.ts'
import { isTrimmed, UNTRIMMED } from '../validation/trimmed.ts'
import { areUnique, type Report } from './report.ts'
import { checkScopes, scopeName } from './scopes.ts'

/** A client that needs no registration. */
export interface ClientOptions {
  /** The `client_id` that it sends. */
  clientId: string
  /** Its secret, at least 16 characters. Without a secret or keys the client is public. */
  clientSecret?: string | undefined
  /** The public keys that it signs assertions with (`private_key_jwt`), instead of a secret. */
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined
  /** The https address of these keys, so that they can change. */
  jwksUri?: string | undefined
  /** The URIs that responses may be sent to. They are compared exactly, except for the port of a loopback one. Empty for a client without users. */
  redirectUris: readonly string[]
  /** The name on the consent page. By default the `clientId`. */
  name?: string | undefined
  /** The scopes that it may request. All by default. */
  scopes?: readonly string[] | undefined
  /**
   * Lets it get tokens without a user. Needs `scopes`, and a secret or keys.
   *
   * @default false
   */
  clientCredentials?: boolean | undefined
}

/** Options about clients that the operator configures. */
export interface ClientsOptions {
  /**
   * Clients that need no registration, in addition to those that register themselves.
   *
   * @default []
   */
  clients?: readonly ClientOptions[] | undefined
  /**
   * Accepts client assertions (`private_key_jwt`) whose audience is the token endpoint, as old clients send them. By
   * default the audience is the issuer: **another server that a client uses could make it sign an assertion for here.**
   *
   * @default false
   */
  dangerouslyAcceptTokenEndpointAudience?: boolean | undefined
}

const DEFAULTS = { clients: [], dangerouslyAcceptTokenEndpointAudience: false } as const

export type ClientsSettings = WithDefaults<ClientsOptions, typeof DEFAULTS>

const redirectUri = v.pipe(
  v.string(),
  v.check(
    (uri) => isRegistrable(uri, { customSchemes: true, loopbackAliases: false }),
    'expected an https, loopback or app redirect URI in its normal spelling',
  ),
)

const keys = v.pipe(
  v.looseObject({ keys: listOf(v.record(v.string(), v.unknown()), 1) }),
  v.check((jwks) => areKeysPublic(jwks), 'expected public keys only'),
)

const client = v.pipe(
  shape({
    clientId: text,
    clientSecret: v.optional(v.pipe(v.string(), v.check(isTrimmed, UNTRIMMED), v.minLength(16))),
    jwks: v.optional(keys),
    jwksUri: v.optional(v.pipe(v.string(), v.check(isHttps, 'expected an https URL without query'))),
    redirectUris: listOf(redirectUri),
    name: v.optional(text),
    scopes: v.optional(listOf(scopeName)),
    clientCredentials: v.optional(flag),
  }),
  v.forward(
    v.check(
      ({ redirectUris, clientCredentials }) => redirectUris.length > 0 || clientCredentials === true,
      'expected at least one entry',
    ),
    ['redirectUris'],
  ),
  v.check(
    ({ clientCredentials, scopes = [], clientSecret, jwks, jwksUri }) =>
      !clientCredentials || (scopes.length > 0 && (clientSecret ?? jwks ?? jwksUri) !== undefined),
    'clientCredentials needs `scopes`, and a secret or keys',
  ),
  v.check(
    ({ clientSecret, jwks, jwksUri }) =>
      [clientSecret, jwks, jwksUri].filter((one) => one !== undefined).length < 2,
    'expected only one of clientSecret, jwks and jwksUri',
  ),
) as unknown as v.GenericSchema<ClientOptions>

export const clientsEntries: Entries<ClientsOptions, ClientsSettings> = {
  clients: v.optional(listOf(client), DEFAULTS.clients),
  dangerouslyAcceptTokenEndpointAudience: v.optional(flag, DEFAULTS.dangerouslyAcceptTokenEndpointAudience),
}

export function settleClients(
  { clients, dangerouslyAcceptTokenEndpointAudience }: ClientsSettings,
  scopes: ScopeTable,
  report: Report,
): ClientsSettings {
  if (!areUnique(clients.map(({ clientId }) => clientId))) {
    report('clients', 'two clients share one clientId: give each its own')
  }
  for (const [index, client] of clients.entries()) {
    checkScopes(`clients.${index}.scopes`, client.scopes, scopes, report)
  }
  // Nothing else: what is parsed holds the options of the other families, too.
  return { clients, dangerouslyAcceptTokenEndpointAudience }
}
