import { AUTH_METHODS, type AuthMethod, SIGNING_ALGORITHMS } from './client-metadata.ts'
import { OFFLINE_ACCESS } from './scope.ts'

/** What the metadata of the authorization server depends on. */
export interface ServerDescription {
  /** The issuer: also what every endpoint's URL begins with. */
  readonly issuer: string
  readonly scopes: readonly string[]
  /** Whether clients may register themselves. */
  readonly registers: boolean
  /** Whether a client id may be the address of a document. */
  readonly documents: boolean
  /** Whether some client may sign assertions. */
  readonly assertions: boolean
  /** Whether some client may get tokens for itself. */
  readonly clientCredentials?: boolean
}

/**
 * Authorization-server metadata. Nothing in it is a wish: every value is what the endpoints enforce.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
 * @see [RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3)
 */
export function serverMetadata(server: ServerDescription): Record<string, unknown> {
  const { issuer, scopes, registers, documents, assertions, clientCredentials } = server
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
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      ...(clientCredentials ? ['client_credentials'] : []),
    ],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    ...(assertions && {
      token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
      revocation_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    }),
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
}

/** What the metadata of a protected resource depends on. */
export interface ResourceDescription {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
}

/**
 * Protected-resource metadata.
 *
 * @see [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728#section-2)
 */
export function resourceMetadata(resource: ResourceDescription, issuer: string): Record<string, unknown> {
  return {
    resource: resource.id,
    authorization_servers: [issuer],
    ...(resource.scopes.length > 0 && { scopes_supported: resource.scopes }),
    bearer_methods_supported: ['header'],
    resource_name: resource.name,
  }
}

/**
 * The path of a well-known document for `path`: inserted between host and path.
 *
 * @see [RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)
 * @see [RFC 9728 §3.1](https://www.rfc-editor.org/rfc/rfc9728#section-3.1)
 */
export const wellKnownPath = (name: string, path: string): string => `/.well-known/${name}${path}`
