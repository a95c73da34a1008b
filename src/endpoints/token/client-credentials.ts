import type { Client } from '../../clients/client.ts'
import type { Context } from '../../context.ts'
import { OAuthError } from '../../errors.ts'
import type { Grant } from '../../grants/grant.ts'
import { type GrantKey, newGrantKey, userKey } from '../../grants/grant-key.ts'
import type { Params } from '../../http/params.ts'
import { chooseResource } from '../../protocol/resource.ts'
import { narrowScope, parseScope } from '../../protocol/scope.ts'

/**
 * A token for a client itself, which the operator has configured for it. It has a grant like any other, so that it can
 * be listed and revoked, which lasts as long as the token; there is no refresh token.
 *
 * @throws {OAuthError} `unauthorized_client`, `invalid_target` or `invalid_scope`.
 * @see [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)
 */
export async function grantToClient(
  { settings, grants, keyring, upstreams }: Context,
  client: Client,
  { fields, resources }: Params,
): Promise<{ key: GrantKey; grant: Grant }> {
  if (!client.actsForItself || upstreams.tenants) {
    throw new OAuthError('unauthorized_client', 'The client may not get tokens for itself', {
      reason: 'client-credentials-refused',
    })
  }
  const resource = chooseResource(resources, settings.resources)
  const scope = narrowScope(client.scope ?? [], parseScope(fields.scope), Object.keys(settings.scopes))
  // Not the namespace of people: whoever signs in has the issuer of a provider, or this one and no such prefix.
  const identity = {
    issuer: `${settings.issuer}#clients`,
    subject: client.id,
    name: client.name,
    claims: {},
  }
  const key = newGrantKey(userKey(keyring, identity))
  const grant = await grants.issue({
    key,
    origin: { type: 'client' },
    client: { key: client.key, name: client.name, refreshes: false },
    resource: resource.id,
    scope,
    identity,
    expiresAt: settings.now() + settings.accessTokenTtl,
  })
  return { key, grant }
}
