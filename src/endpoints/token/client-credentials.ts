import { OAuthError } from '../../errors.ts'
import { newGrantKey } from '../../grants/grant-key.ts'
import { chooseResource } from '../../protocol/resource.ts'
import { narrowScope, parseScope } from '../../protocol/scope.ts'
import { tokenResponse } from './exchange.ts'
import type { GrantType } from './grant-type.ts'

/**
 * A token for a client itself, as configured by the operator. Its grant can be listed and revoked like any other, and
 * lasts as long as the token. There is no refresh token.
 *
 * @see [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)
 */
export const clientCredentials: GrantType = {
  name: 'client_credentials',
  notAllowed: 'client-credentials-refused',
  isOffered: ({ clients }) => clients.some((client) => client.clientCredentials),
  async exchange(ctx, call, { client, spend }, { fields, resources }) {
    const { settings } = ctx
    if (ctx.upstreams.tenants) {
      throw new OAuthError('unauthorized_client', 'The client may not get tokens for itself', {
        reason: 'client-credentials-refused',
        detail: '`upstream` is a function, and clients belong to no tenant',
      })
    }
    const resource = chooseResource(resources, settings.resources)
    const scope = narrowScope(client.scope ?? [], parseScope(fields.scope), settings.scopes)
    // No user has this issuer. The issuer of a user is a provider, or this server without a fragment.
    const identity = {
      issuer: `${settings.issuer}#clients`,
      subject: client.id,
      name: client.name,
      claims: {},
    }
    const key = newGrantKey((await ctx.userIds.naming())(identity))
    await spend()
    const grant = await ctx.grants.issue({
      key,
      origin: { type: 'client' },
      client: { key: client.key, name: client.name, refreshes: false },
      resource: resource.id,
      scope,
      identity,
      expiresAt: settings.now() + settings.accessTokenTtl,
    })
    return tokenResponse(ctx, call, key, { grant, scope }, 'issued')
  },
}
