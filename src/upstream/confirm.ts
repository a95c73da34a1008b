import { OAuthError } from '../errors.ts'
import type { Identity } from '../ports.ts'
import { IdentityRefused, unknownUser } from '../providers/parts/who.ts'
import { identifiesTokens, type Provider } from '../providers/provider.ts'
import { PROVIDER_UNAVAILABLE } from '../refusals.ts'
import type { Server } from './discovery.ts'
import { claimsOf, type Exchanged, mapIdentity, readIdentity } from './identity.ts'
import { UpstreamUnavailable } from './unavailable.ts'
import { type Json, requestUserinfo } from './userinfo.ts'

/**
 * Finds out who the owner of tokens is now: by the ID token of a refresh, by userinfo, or by the definition's own way.
 *
 * @returns `refused` if the provider does not accept the tokens any more, `undefined` if it has no way to tell.
 * @throws {UpstreamUnavailable} If it may tell later.
 */
export async function confirmIdentity(
  provider: Provider,
  server: Server,
  { exchanged, previous }: { exchanged: Exchanged; previous: Identity },
  ports: Parameters<typeof readIdentity>[3],
): Promise<Identity | 'refused' | undefined> {
  const { tokens, answer, idToken } = exchanged
  const wasRefreshed = Object.keys(answer).length > 0
  try {
    if (idToken || identifiesTokens(provider) || (wasRefreshed && !provider.idToken))
      return await readIdentity(provider, server, exchanged, ports)
    if (!provider.idToken || !server.userinfo_endpoint) return undefined
    const said = await requestUserinfo(provider, server, tokens, ports)
    if (tokens.subject !== undefined && said.sub !== tokens.subject)
      throw unknownUser('userinfo is about another subject')
    return completed(provider, previous, said)
  } catch (error) {
    if (error instanceof UpstreamUnavailable) throw error
    // A refresh response need not name the user again.
    const isSilent = error instanceof OAuthError && error.reason === 'identity-missing' && !error.cause
    if (isSilent && (provider.identify || provider.identity.from === 'token')) return undefined
    if (error instanceof OAuthError && error.cause instanceof IdentityRefused && error.cause.status === 401)
      return 'refused'
    throw new UpstreamUnavailable(PROVIDER_UNAVAILABLE, {
      reason: 'identity-missing',
      detail: error instanceof OAuthError ? error.detail : undefined,
      cause: error,
      effect: 'none',
      again: undefined,
    })
  }
}

/** Returns the identity with what userinfo tells. Claims that only the ID token had stay as they were. */
function completed(provider: Provider, previous: Identity, said: Json): Identity {
  const body = { ...previous.claims, ...said }
  const { issuer, tenant, subject, email, emailVerified, name } = previous
  const now = mapIdentity(provider, body, {}, { issuer, claims: claimsOf(body) })
  const address = now.email === undefined ? { email, emailVerified } : {}
  return { ...now, ...address, tenant, subject, name: now.name ?? name }
}
