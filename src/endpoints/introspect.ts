import { authenticateClient, readCredentials } from '../clients/authenticate-client.ts'
import type { Client } from '../clients/client.ts'
import type { Context, Endpoint } from '../context.ts'
import { digest } from '../crypto/digest.ts'
import type { Grant } from '../grants/grant.ts'
import { principalOf } from '../grants/owner.ts'
import { readForm, required } from '../http/params.ts'
import { json } from '../http/responses.ts'
import type { ResourceServerOptions } from '../options/resource-servers.ts'
import type { AccessClaims } from '../tokens/access-token.ts'
import { userClaims } from '../tokens/user-claims.ts'
import { asCaller } from './rate-limit.ts'
import { openAccessToken } from './token/access-token.ts'

/**
 * Tells a resource server about an access token for it, as the storage knows its grant at this moment. Any other token is
 * inactive, and so is anything that is no token.
 *
 * @see [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2)
 */
export const introspectEndpoint: Endpoint = async (request, ctx, call) => {
  const params = await readForm(request)
  const credentials = readCredentials(request.headers.get('authorization'), params.fields)
  const server = ctx.settings.resourceServers.find(({ id }) => id === credentials.id)
  const prove = () => authenticateClient(credentials, server && toClient(server), ctx.clients.verify)
  await asCaller(ctx, call, credentials.id, prove)
  const token = required(params, 'token')
  const claims = await openAccessToken(ctx, token)
  const grant =
    claims && server?.resources.includes(claims.resource) ? await liveGrant(ctx, claims) : undefined
  if (!claims || !grant || !server) return json({ active: false })
  const { email, emailVerified, name, claims: more } = ctx.grants.identityOf(claims.key, grant)
  const user = { email, emailVerified: emailVerified === true, name, claims: more }
  return json({
    active: true,
    iss: ctx.settings.issuer,
    aud: claims.resource,
    sub: principalOf(claims.key, grant),
    client_id: claims.client,
    scope: claims.scope.join(' '),
    token_type: 'Bearer',
    iat: claims.issuedAt,
    exp: claims.expiresAt,
    jti: claims.id ?? digest(token),
    ...userClaims(server.claims ?? [], user).claims,
  })
}

/** Returns the grant of a token if the token is still good, by the storage and not by a cache. */
async function liveGrant(ctx: Context, { key, epoch, resource }: AccessClaims): Promise<Grant | undefined> {
  const served = ctx.settings.resources.find(({ id }) => id === resource)
  const grant = served && (await ctx.grants.load(key))
  if (!grant || grant.epoch > epoch || grant.expiresAt <= ctx.settings.now()) return undefined
  return ctx.belongs(grant, served) ? grant : undefined
}

/** Returns a resource server in the form that proves its identity. It may use no grant type, and has no redirect URI. */
const toClient = ({ id, secret, jwks }: ResourceServerOptions): Client => ({
  id,
  key: `resource-server:${id}`,
  kind: 'configured',
  name: id,
  redirectUris: [],
  authMethods: [secret === undefined ? 'private_key_jwt' : 'client_secret_basic'],
  grantTypes: [],
  refreshes: false,
  scope: [],
  secrets: secret === undefined ? [] : [secret],
  ...(jwks && { keys: { jwks } }),
})
