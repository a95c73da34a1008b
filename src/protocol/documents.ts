import { AUTH_METHODS, type AuthMethod, SIGNING_ALGORITHMS } from './client-metadata.ts'
import { OFFLINE_ACCESS } from './scope.ts'

/** There is no such name for tokens of workloads. */
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

/** The facts that the metadata of the authorization server depends on. */
export interface ServerDescription {
  /** The issuer. Every endpoint's URL begins with it. */
  readonly issuer: string
  readonly scopes: readonly string[]
  /** `true` if clients may register themselves. */
  readonly registers: boolean
  /** `true` if a client id may be the address of a document. */
  readonly documents: boolean
  /** `true` if some client may sign assertions. */
  readonly assertions: boolean
  /** The grant types that some client may use. */
  readonly grantTypes: readonly string[]
  /** `true` if clients may exchange ID-JAGs. */
  readonly idJag?: boolean
  /** Announces that responses to clients carry `iss`. They carry it in any case. Default: `true`. */
  readonly issParameter?: boolean
  /** `true` if there are public keys to verify tokens with. */
  readonly signs?: boolean
  /** The authentication methods at the introspection endpoint. Empty: there is no such endpoint. */
  readonly introspection?: readonly AuthMethod[]
  /** The resources whose tokens others can verify. */
  readonly verified?: readonly string[]
}

/**
 * Returns the authorization-server metadata. Every value in it is enforced by the endpoints.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
 * @see [RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)
 */
export function serverMetadata(server: ServerDescription): Record<string, unknown> {
  const { issuer, scopes, registers, documents, assertions, grantTypes, idJag, issParameter = true } = server
  const methods: readonly AuthMethod[] = AUTH_METHODS.filter(
    (method) => method !== 'private_key_jwt' || assertions,
  )
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    ...(registers && { registration_endpoint: `${issuer}/register` }),
    ...(documents && { client_id_metadata_document_supported: true }),
    scopes_supported: [...scopes, OFFLINE_ACCESS],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: grantTypes,
    ...(idJag && { authorization_grant_profiles_supported: [ID_JAG_PROFILE] }),
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    ...(assertions && {
      token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
      revocation_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    }),
    code_challenge_methods_supported: ['S256'],
    ...(issParameter && { authorization_response_iss_parameter_supported: true }),
    ...verification(server),
  }
}

/**
 * Returns the members that lead resource servers to keys and introspection.
 *
 * @see [RFC 9728 §4](https://www.rfc-editor.org/rfc/rfc9728#section-4)
 */
function verification({ issuer, signs, introspection = [], verified = [] }: ServerDescription) {
  const methods = [...new Set(introspection)].sort()
  return {
    ...(signs && { jwks_uri: `${issuer}/jwks` }),
    ...(methods.length > 0 && {
      introspection_endpoint: `${issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: methods,
      ...(methods.includes('private_key_jwt') && {
        introspection_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
      }),
    }),
    ...(verified.length > 0 && { protected_resources: verified }),
  }
}

/**
 * Returns the authorization-server metadata in the form of an OpenID configuration, for clients that find only this one
 * below a path. This server issues no ID tokens: if it signs nothing, the members that the form requires name an empty key set.
 *
 * @see [OpenID Connect Discovery §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)
 */
export const openidConfiguration = (
  metadata: Readonly<Record<string, unknown>>,
  issuer: string,
): Record<string, unknown> => ({
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  ...metadata,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
})

/** The facts that the metadata of a protected resource depends on. */
export interface ResourceDescription {
  readonly id: string
  readonly name: string
  /** Scopes for a client that requests none. */
  readonly defaultScope: readonly string[]
}

/**
 * Returns the protected-resource metadata. It names the scopes that a client needs at first, because clients request
 * every scope that they find there.
 *
 * @param address The URL that the client uses: the resource's own, or one below it.
 * @see [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2)
 */
export function resourceMetadata(
  resource: ResourceDescription,
  issuer: string,
  address: string = resource.id,
): Record<string, unknown> {
  return {
    resource: address,
    authorization_servers: [issuer],
    ...(resource.defaultScope.length > 0 && { scopes_supported: resource.defaultScope }),
    bearer_methods_supported: ['header'],
    resource_name: resource.name,
  }
}

/**
 * Returns the path of a well-known document for `path`. The name is inserted between host and path.
 *
 * @see [RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)
 * @see [RFC 9728 §3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1)
 */
export const wellKnownPath = (name: string, path: string): string => `/.well-known/${name}${path}`

/**
 * Returns the path of a resource's metadata.
 *
 * @param path The path of the resource.
 * @param base A path that the resource lies below, if the document is to lie below it too.
 */
export const resourceMetadataPath = (path: string, base: string = ''): string =>
  base + wellKnownPath('oauth-protected-resource', path.slice(base.length))
