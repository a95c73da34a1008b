import * as oauth from 'oauth4webapi'
import type { Clock } from '../ports.ts'
import type { ClientAuthMethod, ClientRequest, Provider } from '../providers/provider.ts'
import type { Server } from './discovery.ts'

/** How the proxy proves itself at one endpoint. */
export function clientAuth(
  provider: Provider,
  server: Server,
  endpoint: ClientRequest['endpoint'],
  now: Clock,
): oauth.ClientAuth {
  const { clientSecret, authenticate } = provider
  if (authenticate)
    return (_server, _client, body, headers) => authenticate({ endpoint, body, headers, now: now() })
  if (clientSecret === undefined) return oauth.None()
  switch (provider.endpointAuth?.[endpoint] ?? provider.clientAuth ?? preferred(server)) {
    case 'none':
      return oauth.None()
    case 'client_secret_post':
      return oauth.ClientSecretPost(clientSecret)
    case 'client_secret_basic':
      return provider.basicEncoding === 'raw' ? rawBasic(clientSecret) : oauth.ClientSecretBasic(clientSecret)
  }
}

function preferred({ token_endpoint_auth_methods_supported: listed }: Server): ClientAuthMethod {
  return listed === undefined || listed.includes('client_secret_basic')
    ? 'client_secret_basic'
    : 'client_secret_post'
}

/** Basic as RFC 7617 has it, for servers that do not decode what RFC 6749 §2.3.1 encodes. */
function rawBasic(secret: string): oauth.ClientAuth {
  return (_server, { client_id }, _body, headers) => {
    const bytes = new TextEncoder().encode(`${client_id}:${secret}`)
    headers.set('authorization', `Basic ${btoa(String.fromCharCode(...bytes))}`)
  }
}
