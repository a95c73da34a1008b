import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

/* What clients send beside what they need, or in a spelling of their own, and what is odd about it but legal. */

const mcp = {
  path: '/mcp',
  scopes: ['mcp'],
  handler: (_request: Request, auth: { scopes: readonly string[] }) => Response.json(auth.scopes),
}
const scopes = { mcp: { description: 'Use', default: true }, write: 'Write', admin: 'Everything' }

let system: System
let client: TestClient
beforeAll(async () => {
  system = await startSystem({ mcp, scopes })
  client = await register(system, { grant_types: ['authorization_code', 'refresh_token'] })
})
afterAll(() => system.close())

async function redeem(
  params: Record<string, string>,
  extra: Record<string, string> = {},
  place: System = system,
  own: TestClient = client,
): Promise<Tokens> {
  const signedIn = await signIn(place, own, { params })
  const response = await place.post('/token', { ...redeemParams(own, signedIn), ...extra })
  expect([response.status, await response.clone().text()]).toEqual([200, expect.any(String)])
  return (await response.json()) as Tokens
}

const renew = async (token: string, extra: Record<string, string>, place: System = system, own = client) =>
  place.post('/token', { ...refreshParams(own, token), ...extra })

describe('a scope that does not exist here', () => {
  test.each([
    'mcp read',
    'read mcp',
    'mcp read openid profile email',
    'mcp https://graph.microsoft.com/User.Read api://x/.default',
    ' mcp  read ',
    'mcp mcp read',
    'MCP mcp',
    'mcp read offline_access',
  ])('is dropped at authorization, and at each refresh with the same words: %j', async (scope) => {
    let tokens = await redeem({ scope })
    const names = tokens.scope.split(' ').filter((name) => name !== 'offline_access')
    expect(names).toEqual(['mcp'])
    for (let round = 0; round < 3; round++) {
      const response = await renew(tokens.refresh_token, { scope })
      expect(response.status).toBe(200)
      tokens = (await response.json()) as Tokens
      expect(await (await guarded(system, tokens.access_token)).json()).toContain('mcp')
    }
  })

  test.each(['read', 'read openid', 'openid offline_access', ' ', ''])(
    'leaves a refresh that names nothing else with all that was granted: %j',
    async (scope) => {
      const { refresh_token: token } = await redeem({ scope: 'mcp write' })
      const response = await renew(token, { scope })
      expect(await outcome(response.clone())).toEqual([200, undefined])
      expect(((await response.json()) as Tokens).scope.split(' ').sort()).toEqual(['mcp', 'write'])
    },
  )

  test('does not hide one that exists and was not granted', async () => {
    const { refresh_token: token } = await redeem({ scope: 'mcp read' })
    expect(await outcome(await renew(token, { scope: 'mcp read admin' }))).toEqual([400, 'invalid_scope'])
    expect((await renew(token, { scope: 'mcp read' })).status, 'the token is still good').toBe(200)
  })
})

describe('a scope that is sent along with the code', () => {
  test.each([
    ['more than was granted', 'mcp write admin'],
    ['less than was granted', 'mcp'],
    ['nothing of it', 'admin'],
    ['what does not exist here', 'openid read'],
    ['what no scope may look like', 'm"c\\p\u0007'],
    ['hundreds of names', Array.from({ length: 300 }, (_, index) => `s${index}`).join(' ')],
    ['an empty value', ''],
  ])('changes nothing: %s', async (_name, scope) => {
    const tokens = await redeem({ scope: 'mcp write' }, { scope })
    expect(tokens.scope.split(' ').sort()).toEqual(['mcp', 'write'])
    expect(await (await guarded(system, tokens.access_token)).json()).toEqual(['mcp', 'write'])
  })
})

describe('where one server is configured, a resource that names its host', () => {
  let below: System
  beforeAll(async () => {
    below = await startSystem({ url: 'http://localhost:8787/base', mcp, scopes })
  })
  afterAll(() => below.close())

  test.each(['', '/'])(
    'at the root of the host, as origin%s, leads to a token for the server',
    async (end) => {
      const resource = system.url + end
      const tokens = await redeem({ resource }, { resource })
      expect((await guarded(system, tokens.access_token)).status).toBe(200)
      const response = await renew(tokens.refresh_token, { resource })
      expect(response.status).toBe(200)
      const renewed = (await response.json()) as Tokens
      expect((await guarded(system, renewed.access_token)).status).toBe(200)
    },
  )

  test.each(['', '/', '/base', '/base/', '/base/mcp/', '/base/mcp/sse'])(
    'below a base path, as origin%s, leads to a token for the server',
    async (end) => {
      const own = await register(below, { grant_types: ['authorization_code', 'refresh_token'] })
      const resource = new URL(below.url).origin + end
      const tokens = await redeem({ resource }, { resource }, below, own)
      expect((await guarded(below, tokens.access_token)).status).toBe(200)
      expect((await renew(tokens.refresh_token, { resource }, below, own)).status).toBe(200)
    },
  )

  test.each(['http://localhost:8787/other', 'http://localhost:8788/', 'https://localhost:8787/'])(
    'but not this one: %s',
    async (resource) => {
      const signedIn = await signIn(system, client)
      const response = await system.post('/token', { ...redeemParams(client, signedIn), resource })
      expect(await outcome(response)).toEqual([400, 'invalid_target'])
    },
  )
})

test('where several servers are configured, a resource that names their host alone is refused', async () => {
  const several = await startSystem({ mcp: [mcp, { ...mcp, path: '/second' }], scopes })
  const own = await register(several)
  const signedIn = await signIn(several, own)
  const resource = `${several.url}/`
  const response = await several.post('/token', { ...redeemParams(own, signedIn), resource })
  expect(await outcome(response)).toEqual([400, 'invalid_target'])
  await several.close()
})

test('a parameter without a value counts as absent, at authorization, with the code and at a refresh', async () => {
  const empty = { resource: '', scope: '', login_hint: '', ui_locales: '' }
  const tokens = await redeem({ ...empty, prompt: '' }, { ...empty, client_secret: '', audience: '' })
  expect(tokens.scope).toBe('mcp')
  expect((await renew(tokens.refresh_token, { ...empty, client_secret: '' })).status).toBe(200)
})

test('parameters that nobody here reads are ignored, at authorization, with the code and at a refresh', async () => {
  const more = {
    audience: 'https://api.example.com',
    access_type: 'offline',
    nonce: 'n',
    include_granted_scopes: 'true',
    client_info: '1',
    max_age: '0',
    display: 'popup',
    id_token_hint: 'x',
    code_challenge_method_supported: 'S256',
  }
  const tokens = await redeem(more, more)
  expect((await renew(tokens.refresh_token, { ...more, redirect_uri: client.redirectUri })).status).toBe(200)
})
