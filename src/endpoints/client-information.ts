import type { Registration } from '../clients/registration.ts'

/**
 * Returns the client information response. Members that do not apply are left out, because clients refuse `null`.
 *
 * @see [RFC 7591 §3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)
 * @see [RFC 7592 §3](https://www.rfc-editor.org/rfc/rfc7592#section-3)
 */
export function clientInformation(registration: Registration, issuer: string): Record<string, unknown> {
  const { id, metadata, issuedAt, expiresAt, secret, accessToken } = registration
  const { name, redirectUris, authMethod, refreshes, scope, jwks } = metadata
  return {
    client_id: id,
    client_id_issued_at: issuedAt,
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: expiresAt ?? 0 }),
    ...(accessToken !== undefined && {
      registration_access_token: accessToken,
      registration_client_uri: `${issuer}/register/${id}`,
    }),
    ...(name !== undefined && { client_name: name }),
    redirect_uris: redirectUris,
    grant_types: refreshes ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: authMethod,
    ...(jwks && { jwks }),
    ...(scope !== undefined && { scope }),
  }
}
