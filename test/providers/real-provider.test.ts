import type { Provider } from 'lockgate/providers/define'
import { keycloak } from 'lockgate/providers/keycloak'
import { oidc } from 'lockgate/providers/oidc'
import { stytch } from 'lockgate/providers/stytch'
import { zitadel } from 'lockgate/providers/zitadel'
import { afterEach, expect, test } from 'vitest'
import { startProvider } from '../support/provider.ts'
import { connect, guarded, refreshParams, type System, startSystem } from '../support/system.ts'
import { ROWS } from './rows.ts'

let system: System | undefined
afterEach(() => system?.close())

const usesIdTokens = ROWS.filter(
  ({ provider }) => provider.idToken && provider.discovery && !provider.authenticate,
)

/** The same definition, but for where it stands: the real provider is on this machine. */
function moved(provider: Provider, to: { issuer: string; clientId: string; clientSecret: string }): Provider {
  const { endpoints: _, tokenParams: __, ...rest } = provider
  return {
    ...rest,
    ...to,
    issuerRule: { type: 'exact' },
    discovery: true,
    endpoints: {},
    clientAuth: 'client_secret_basic',
    endpointAuth: {},
    // What this provider knows; it wants consent before it gives a refresh token.
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    params: { prompt: 'consent' },
    identity: { ...provider.identity, from: 'id_token', subject: 'sub', tenant: undefined, facts: undefined },
  }
}

test.each(usesIdTokens)(
  '$name signs in and refreshes at a real OpenID Connect provider',
  async ({ provider }) => {
    const url = 'http://localhost:8787'
    const real = await startProvider({ redirectUris: [`${url}/callback`], accessTokenTtl: 100 })
    const { issuer, clientId, clientSecret } = real
    system = await startSystem({ upstream: moved(provider, { issuer, clientId, clientSecret }) })
    try {
      const { client, tokens } = await connect(system)
      expect((await guarded(system, tokens.access_token)).status).toBe(200)
      system.clock.ahead += 90
      const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
      expect(response.status).toBe(200)
      expect(real.requests.filter((one) => one === 'POST /token')).toHaveLength(2)
    } finally {
      await real.close()
    }
  },
)

test('definitions with an address take one of this machine', () => {
  const credentials = { clientId: 'c', clientSecret: 's' }
  const here = 'http://localhost:8080'
  expect(oidc({ ...credentials, issuer: here }).issuer).toBe(here)
  expect(zitadel({ ...credentials, issuer: here }).issuer).toBe(here)
  expect(stytch({ ...credentials, issuer: here }).issuer).toBe(here)
  expect(keycloak({ ...credentials, baseUrl: `${here}/`, realm: 'r' }).issuer).toBe(`${here}/realms/r`)
})
