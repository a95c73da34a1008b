import { AUTH_METHODS, type AuthMethod, SIGNING_ALGORITHMS } from './client-metadata.ts'
import { OFFLINE_ACCESS } from './scope.ts'

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
  /** Announces that responses to clients carry `iss`. They carry it in any case. Default: `true`. */
  readonly issParameter?: boolean
}

/**
 * Returns the authorization-server metadata. Every value in it is enforced by the endpoints.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
 * @see [RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)
 */
export function serverMetadata(server: ServerDescription): Record<string, unknown> {
  const { issuer, scopes, registers, documents, assertions, grantTypes, issParameter = true } = server
  const methods: readonly AuthMethod[] = assertions ? [...AUTH_METHODS, 'private_key_jwt'] : AUTH_METHODS
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
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    ...(assertions && {
      token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
      revocation_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    }),
    code_challenge_methods_supported: ['S256'],
    ...(issParameter && { authorization_response_iss_parameter_supported: true }),
  }
}

/**
 * Returns the authorization-server metadata in the form of an OpenID configuration, for clients that find only this one
 * below a path. This server issues no ID tokens: the members that the form requires name an empty key set.
 *
 * @see [OpenID Connect Discovery §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)
 */
export const openidConfiguration = (
  metadata: Readonly<Record<string, unknown>>,
  issuer: string,
): Record<string, unknown> => ({
  ...metadata,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
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
