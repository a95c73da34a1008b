import { OAuthError, type ProxyOptions } from 'lockgate'
import { afterEach, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  refreshParams,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

/** A provider whose tokens live five minutes, and that gives no refresh token. */
let system: StartedSystem
const start = async (options: Partial<ProxyOptions> = {}) => {
  system = await startSystem({
    providerTtl: 300,
    providerScopes: ['openid'],
    mcp: async (_request, { user, upstream }) => {
      const token = await upstream.accessToken().catch((error: unknown) => error)
      return Response.json({ user: user.id, token: token instanceof OAuthError ? token.code : typeof token })
    },
    ...options,
  })
}
afterEach(() => system.close())

const refresh = (client: { id: string }, token: string) =>
  system.post('/token', refreshParams(client as never, token))

describe('the token of a provider that gives no refresh token', () => {
  test('ends the grant with it, if nothing else is set', async () => {
    await start()
    const { client, tokens } = await connect(system)
    expect(await (await guarded(system, tokens.access_token)).json()).toMatchObject({ token: 'string' })
    system.clock.ahead += 301
    expect(await outcome(await refresh(client, tokens.refresh_token))).toEqual([400, 'invalid_grant'])
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
  })

  test('does not end the grant of a server that needs the identity alone, for identityTtl', async () => {
    await start({ identityTtl: 7200 })
    const { client, tokens } = await connect(system)
    const before = (await (await guarded(system, tokens.access_token)).json()) as { user: string }
    system.clock.ahead += 3601
    const response = await refresh(client, tokens.refresh_token)
    expect(response.status).toBe(200)
    const renewed = (await response.json()) as { access_token: string; refresh_token: string }
    const after = await (await guarded(system, renewed.access_token)).json()
    expect(after).toEqual({ user: before.user, token: 'access_denied' })
    system.clock.ahead += 3601
    expect(await outcome(await refresh(client, renewed.refresh_token))).toEqual([400, 'invalid_grant'])
    expect((await guarded(system, renewed.access_token)).status).toBe(401)
  })

  test('ends the grant of a server that gets it, in any case', async () => {
    await start({
      identityTtl: 7200,
      mcp: { url: 'http://127.0.0.1:1/mcp', path: '/mcp', forward: 'upstream-token' },
    })
    const { client, tokens } = await connect(system)
    system.clock.ahead += 301
    expect(await outcome(await refresh(client, tokens.refresh_token))).toEqual([400, 'invalid_grant'])
  })
})
