import { readFile } from 'node:fs/promises'
import { LockgateStore } from 'lockgate/storage/durable-object'
import { afterEach, expect, test, vi } from 'vitest'
import worker from '../../examples/workers/worker.ts'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { type Imitation, startImitation } from '../support/imitation/imitation.ts'
import { CLIENT, URL_OF_PROXY } from '../support/imitation/system.ts'
import { challengeOf, newVerifier } from '../support/system.ts'
import { workosServerDocument } from './documents.ts'
import { ROWS } from './rows.ts'

let imitation: Imitation | undefined
afterEach(async () => {
  vi.unstubAllGlobals()
  await imitation?.close()
})

/** The storage of one Durable Object, in the order of its keys. */
function storageOfObject() {
  const records = new Map<string, unknown>()
  return {
    get: async (key: string | string[]) =>
      typeof key === 'string'
        ? records.get(key)
        : new Map(key.filter((one) => records.has(one)).map((one) => [one, records.get(one)])),
    put: async (key: string, value: unknown) => void records.set(key, value),
    delete: async (key: string | string[]) => [key].flat().map((one) => records.delete(one)),
    list: async ({ prefix = '' }: { prefix?: string } = {}) =>
      new Map([...records].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1))),
    getAlarm: async () => null,
    setAlarm: async () => {},
  }
}

function namespace() {
  const objects = new Map<string, LockgateStore>()
  return {
    idFromName: (name: string) => name,
    get(id: unknown) {
      const name = String(id)
      const object = objects.get(name) ?? new LockgateStore({ storage: storageOfObject() as never })
      objects.set(name, object)
      return {
        fetch: (url: string, init: { method: string; body: string }) => object.fetch(new Request(url, init)),
      }
    },
  }
}

test('the example for Workers signs a user in at WorkOS as a new account has it', async () => {
  const { profile } = ROWS.find(({ name }) => name === 'workos-user-management')!
  const workos = await startImitation(profile, CLIENT)
  imitation = workos
  const reached: string[] = []
  vi.stubGlobal(
    'fetch',
    ((real) => async (input: string | Request, init?: RequestInit) => {
      const url = typeof input === 'string' ? input : input.url
      if (!url.startsWith('https:')) return real(input, init)
      reached.push(new URL(url).host)
      if (url.startsWith('https://mcp-server.example.com/'))
        return Response.json({ said: new Headers(init?.headers).has('authorization') })
      return workos.fetch(url, init)
    })(globalThis.fetch),
  )
  const env = {
    LOCKGATE: namespace(),
    LOCKGATE_URL: URL_OF_PROXY,
    LOCKGATE_SECRET: 'a secret of the tests, long enough to be one',
    WORKOS_CLIENT_ID: CLIENT.id,
    WORKOS_API_KEY: CLIENT.secret,
    MCP_URL: 'https://mcp-server.example.com/mcp',
  }
  const call = (path: string, init?: RequestInit) => worker.fetch(new Request(URL_OF_PROXY + path, init), env)

  const redirectUri = 'http://127.0.0.1:3000/done'
  const registered = await call('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }),
  })
  const { client_id: client } = (await registered.json()) as { client_id: string }
  const browser = new Browser({
    fetch: async (request) => {
      if (new URL(request.url).origin === URL_OF_PROXY) return worker.fetch(request, env)
      const { method, headers } = request
      const body = method === 'GET' ? {} : { body: await request.text() }
      return workos.fetch(request.url, { method, headers, redirect: 'manual', ...body })
    },
  })
  const verifier = newVerifier()
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    resource: `${URL_OF_PROXY}/mcp`,
  })
  const consent = asPage(await browser.open(`${URL_OF_PROXY}/authorize?${query}`))
  const form = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt: redirectUri }))
  const answer = asUrl(await browser.submit(form, { login: 'ada' }, { stopAt: redirectUri }))
  const tokens = await call('/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: answer.searchParams.get('code') ?? '',
      client_id: client,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  })
  expect(tokens.status).toBe(200)
  const { access_token: token } = (await tokens.json()) as { access_token: string }
  const guarded = await call('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  })
  expect(guarded.status).toBe(200)
  expect(workos.complaints).toEqual([])
  expect(workos.asked).toEqual(['exchange'])
  // It needs no metadata: the document of an authorization server at WorkOS names no userinfo endpoint.
  expect(workosServerDocument('example.authkit.app')).not.toHaveProperty('userinfo_endpoint')
  expect(reached.filter((host) => host !== 'mcp-server.example.com')).toEqual(['api.workos.com'])
})

test('its README says which of the two ways of WorkOS it uses', async () => {
  const text = await readFile(new URL('../../examples/workers/README.md', import.meta.url), 'utf8')
  expect(text).toContain('It uses the User Management API of WorkOS')
  expect(text).toContain('lockgate/providers/workos`')
})
