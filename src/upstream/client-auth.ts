import * as oauth from 'oauth4webapi'
import type { Clock } from '../ports.ts'
import { basicCredentials } from '../providers/parts/basic.ts'
import type { ClientAuthMethod, ClientRequest, Provider } from '../providers/provider.ts'
import { assertionAuth } from './client-assertion.ts'
import type { Server } from './discovery.ts'

/** Returns the method by which the proxy authenticates at one endpoint. */
export function clientAuth(
  provider: Provider,
  server: Server,
  endpoint: ClientRequest['endpoint'],
  now: Clock,
): oauth.ClientAuth {
  const { clientSecret, authenticate, basicEncoding } = provider
  if (authenticate)
    return (_server, _client, body, headers) => authenticate({ endpoint, body, headers, now: now() })
  const proof = assertionAuth(provider, server, now)
  if (proof) return proof
  if (clientSecret === undefined) return oauth.None()
  switch (provider.endpointAuth?.[endpoint] ?? provider.clientAuth ?? preferred(server)) {
    case 'none':
      return oauth.None()
    case 'client_secret_post':
      return oauth.ClientSecretPost(clientSecret)
    case 'client_secret_basic':
      return (_server, { client_id: id }, _body, headers) =>
        headers.set('authorization', basicCredentials({ id, secret: clientSecret }, basicEncoding))
  }
}

function preferred({ token_endpoint_auth_methods_supported: listed }: Server): ClientAuthMethod {
  return listed === undefined || listed.includes('client_secret_basic')
    ? 'client_secret_basic'
    : 'client_secret_post'
}
