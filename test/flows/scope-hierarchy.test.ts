import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  REDIRECT,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
  type Tokens,
} from '../support/system.ts'

const KEY = 'lgk_an_api_key_of_the_tests_that_is_long_enough'
const CLIENT = 'a client with a broad scope'
const scopes = {
  read: { description: 'Read notes', default: true },
  write: { description: 'Change notes', implies: ['read'] },
  admin: { description: 'Delete notes of others', implies: ['write'] },
  other: 'Something else',
}

let system: StartedSystem
beforeAll(async () => {
  system = await startSystem({
    scopes,
    mcp: { handler: (_request, auth) => Response.json({ scopes: auth.scopes }), scopes: ['read'] },
    apiKeys: [
      {
        name: 'broad',
        keyHash: createHash('sha256').update(KEY).digest('hex'),
        user: 'robot',
        scopes: ['admin'],
      },
    ],
    clients: [
      {
        clientId: 'job',
        clientSecret: CLIENT,
        redirectUris: [REDIRECT],
        scopes: ['admin'],
        clientCredentials: true,
      },
    ],
  })
})
afterAll(() => system.close())

const asking = async (scope: string | undefined) =>
  (await connect(system, { params: { resource: system.mcp, ...(scope !== undefined && { scope }) } })).tokens

describe('a token with a broad scope', () => {
  test('may do what needs a narrower one, and keeps the scope that was asked for', async () => {
    for (const scope of ['admin', 'write', 'read']) {
      const tokens = await asking(scope)
      expect(tokens.scope).toBe(scope)
      const response = await guarded(system, tokens.access_token)
      expect([response.status, await response.json()]).toEqual([200, { scopes: [scope] }])
    }
  })

  test('may be refreshed to a narrower one, but never back to a broader one', async () => {
    const { client, tokens } = await connect(system, { params: { resource: system.mcp, scope: 'write' } })
    const narrow = await system.post('/token', {
      ...refreshParams(client, tokens.refresh_token),
      scope: 'read',
    })
    const next = (await narrow.json()) as Tokens
    expect([narrow.status, next.scope]).toEqual([200, 'read'])
    const wide = await system.post('/token', { ...refreshParams(client, next.refresh_token), scope: 'admin' })
    expect(await outcome(wide)).toEqual([400, 'invalid_scope'])
  })

  test('is not replaced by an unrelated one: the challenge names the narrow scope that is needed', async () => {
    const tokens = await asking('other')
    const response = await guarded(system, tokens.access_token)
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toContain('scope="read"')
  })
})

describe('every other way to get in knows the hierarchy', () => {
  test('an API key', async () => {
    expect((await guarded(system, KEY)).status).toBe(200)
  })

  test('a client for itself, which may ask for a narrower scope than its own', async () => {
    for (const [asked, got] of [
      [undefined, 'admin'],
      ['read', 'read'],
    ] as const) {
      const response = await system.post('/token', {
        grant_type: 'client_credentials',
        client_id: 'job',
        client_secret: CLIENT,
        ...(asked !== undefined && { scope: asked }),
      })
      const tokens = (await response.json()) as Tokens
      expect([response.status, tokens.scope]).toEqual([200, got])
      expect((await guarded(system, tokens.access_token)).status).toBe(200)
    }
  })

  test('a configured client that signs users in', async () => {
    const job = { id: 'job', secret: CLIENT, redirectUri: REDIRECT }
    const params = { client_id: 'job', resource: system.mcp, scope: 'read' }
    const page = await system.call(
      `/authorize?${new URLSearchParams({
        response_type: 'code',
        redirect_uri: job.redirectUri,
        code_challenge: 'v'.repeat(43),
        code_challenge_method: 'S256',
        ...params,
      })}`,
    )
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Read notes')
  })
})

describe('the default set', () => {
  test('is what a client gets that asks for nothing, and never a broad scope that is not marked', async () => {
    expect((await asking(undefined)).scope).toBe('read')
  })

  test('is named by the challenge and by the metadata', async () => {
    const challenge = (await system.call('/mcp', { method: 'POST' })).headers.get('www-authenticate')
    expect(challenge).toContain('scope="read"')
    const metadata = await (await system.call('/.well-known/oauth-protected-resource/mcp')).json()
    expect(metadata).toMatchObject({ scopes_supported: ['read'] })
  })
})

test('the user cannot leave out the only scope that the server needs, but every other one', async () => {
  const client = await register(system)
  const page = async (scope: string) => {
    const params = new URLSearchParams({
      response_type: 'code',
      client_id: client.id,
      redirect_uri: client.redirectUri,
      code_challenge: 'v'.repeat(43),
      code_challenge_method: 'S256',
      resource: system.mcp,
      scope,
    })
    const text = await (await system.call(`/authorize?${params}`)).text()
    return [...text.matchAll(/name="scope (\w+)"/g)].map(([, name]) => name)
  }
  expect(await page('admin other')).toEqual(['other'])
  expect(await page('admin read')).toEqual(['admin', 'read'])
  expect(await page('read other')).toEqual(['other'])
})
