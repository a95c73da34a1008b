import { idOf, type OwnLogin } from '../options/upstream.ts'
import { responseFromElsewhere } from '../refusals.ts'
import type { Upstream } from './upstream.ts'

/** Creates the application's own sign-in in the form of a provider. It has no scopes, no tokens to refresh and no callback. */
export function createOwnLogin(own: OwnLogin, origin: string): Upstream {
  const page = new URL(own.login, origin)
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
    explainScopes: () => '',
    kindsByTenant: [],
    admits: () => true,
    scopes: async () => [],
    switchesAccount: true,
    async authorizationUrl({ state }, another = false) {
      const url = new URL(page)
      url.searchParams.set('state', state)
      if (another) url.searchParams.set('prompt', 'login')
      return url.href
    },
    exchange: () => Promise.reject(responseFromElsewhere('sign-in-method-mismatch')),
    refresh: async (tokens) => ({ tokens, answer: {}, idToken: undefined }),
    confirm: async () => undefined,
    revoke: async () => {},
    exchanges: undefined,
  }
}
