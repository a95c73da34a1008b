import { OAuthError } from '../errors.ts'
import { idOf, type OwnLogin } from '../options/upstream.ts'
import type { Upstream } from './upstream.ts'

/** The application's own sign-in, as the endpoints use it: it has no scopes, no tokens to refresh, and no callback. */
export function createOwnLogin(own: OwnLogin, origin: string): Upstream {
  const page = new URL(own.login, origin)
  const noAnswer = () =>
    new OAuthError('access_denied', 'This answer came from another place than was asked', {
      reason: 'not-a-sign-in-of-the-application',
    })
  return {
    id: idOf(own),
    provider: idOf(own),
    name: own.name,
    kind: 'own-login',
    callback: undefined,
    rotation: 'never',
    refreshKillsAccess: false,
    revocationEnds: 'token',
    tokensPerUser: undefined,
    identify: undefined,
    words: () => undefined,
    grants: () => true,
    admits: () => true,
    scopes: async () => [],
    async authorizationUrl({ state }) {
      const url = new URL(page)
      url.searchParams.set('state', state)
      return url.href
    },
    exchange: () => Promise.reject(noAnswer()),
    refresh: async (tokens) => tokens,
    revoke: async () => {},
  }
}
