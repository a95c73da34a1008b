import type { Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { mediaType, readText } from '../http/body.ts'
import { json } from '../http/responses.ts'
import { readClientMetadata } from '../protocol/client-metadata.ts'
import { isLoopback } from '../protocol/redirect-uri.ts'

const BODY_LIMIT = 16 * 1024

const invalid = (reason: string) =>
  new OAuthError('invalid_client_metadata', 'The body must be a JSON object', { reason })

/**
 * Dynamic client registration. Nothing is stored: the client id carries the registration.
 *
 * @see [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591#section-3)
 */
export const registerEndpoint: Endpoint = async (request, { clients, settings, emit }) => {
  if (!clients.register) throw new OAuthError('access_denied', 'Clients cannot register themselves here')
  if (mediaType(request) !== 'application/json') throw invalid('not application/json')
  const metadata = readClientMetadata(parse(await readText(request, BODY_LIMIT)), settings.redirectUris)
  // On a developer's machine client and server may share a host; there it is checked when it is used.
  if (metadata.redirectUris.some((uri) => new URL(uri).origin === settings.origin && !isLoopback(uri))) {
    throw new OAuthError('invalid_redirect_uri', 'A redirect URI is missing or not allowed', {
      reason: 'a redirect URI of this server',
    })
  }
  const { client, issuedAt, expiresAt } = clients.register(metadata)
  emit({ type: 'registered', client: client.key })
  const [secret] = client.secrets
  return json(
    {
      client_id: client.id,
      client_id_issued_at: issuedAt,
      ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: expiresAt ?? 0 }),
      ...(metadata.name !== undefined && { client_name: metadata.name }),
      redirect_uris: client.redirectUris,
      grant_types: client.refreshes ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: client.authMethods[0],
      ...(metadata.scope !== undefined && { scope: metadata.scope }),
    },
    201,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('malformed JSON')
  }
}
