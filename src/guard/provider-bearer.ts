import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import type { UserIds } from '../grants/user-ids.ts'
import type { Clock, Identity } from '../ports.ts'
import type { AdmitUser } from '../upstream/admit-user.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { AskAboutKey } from './verified-keys.ts'

const refused = () =>
  new OAuthError('invalid_grant', 'The identity provider no longer accepts the token', {
    reason: 'provider-bearer-refused',
  })

/**
 * Accepts a token of the provider as a key. The provider names its owner, and `allow` decides about them. It does not name
 * the application that the token was issued to: every application with a token of a user can act as that user.
 *
 * @param ports.client The client in events.
 */
export function createProviderBearer(ports: {
  upstream: Upstream
  client: string
  admitUser: AdmitUser
  scopes: readonly string[]
  userIds: UserIds
  ttl: number
  now: Clock
  emit: Emit
}): AskAboutKey {
  const { upstream, client, admitUser, scopes, userIds, ttl, now, emit } = ports
  const name = `a token of ${upstream.name}`
  return async (token, resource) => {
    const identity: Identity | undefined = await upstream.identify?.(token).catch((error: unknown) => {
      // No other failure identifies the owner of the token.
      if (error instanceof UpstreamUnavailable) throw error
      return undefined
    })
    if (!identity) return undefined
    const user = (await userIds.naming())(identity)
    const refusal = await admitUser(upstream, identity)
    if (refusal) {
      emit({
        type: 'turned-away',
        endpoint: resource.path,
        client,
        user,
        reason: refusal.reason,
        detail: refusal.detail,
      })
      return undefined
    }
    emit({ type: 'api-key-used', endpoint: resource.path, client, user, detail: name })
    const { email, emailVerified, name: called, claims } = identity
    return {
      clientName: name,
      provider: upstream.id,
      auth: {
        token,
        clientId: client,
        scopes: [...scopes],
        expiresAt: now() + ttl,
        resource: new URL(resource.id),
        extra: { apiKey: name, clientName: name },
        user: {
          id: user,
          kind: 'person',
          email,
          emailVerified: emailVerified === true,
          name: called,
          claims,
        },
        upstream: {
          provider: upstream.id,
          async accessToken(options) {
            if (options?.refused === token) throw refused()
            return token
          },
        },
      },
    }
  }
}
