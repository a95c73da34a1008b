import { exportJWK, generateKeyPair } from 'jose'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  authorizeUrl,
  connect,
  outcome,
  REDIRECT,
  refreshParams,
  type System,
  startSystem,
} from '../support/system.ts'

const DAY = 24 * 60 * 60

let system: System
beforeAll(async () => {
  system = await startSystem({ registration: 'stored' })
})
afterAll(() => system.close())

interface Information {
  readonly client_id: string
  readonly client_secret?: string
  readonly registration_access_token: string
  readonly registration_client_uri: string
}

const METADATA = {
  client_name: 'Stored client',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'client_secret_post',
}

const JSON_TYPE = { 'content-type': 'application/json' }

const post = (at: System, body: object, headers = {}) =>
  at.call('/register', { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) })

async function register(changes = {}, at = system): Promise<Information> {
  const response = await post(at, { ...METADATA, ...changes })
  expect(response.status).toBe(201)
  return (await response.json()) as Information
}

const manage = (
  { client_id: id, registration_access_token: token }: Information,
  method: string,
  body?: object,
  bearer = `Bearer ${token}`,
) =>
  system.call(`/register/${id}`, {
    method,
    headers: { authorization: bearer, ...(body && JSON_TYPE) },
    ...(body && { body: JSON.stringify(body) }),
  })

/** 400 after the client has proven itself, 401 before. */
const proves = async (id: string, secret: string | undefined, at = system) => {
  const params = { ...refreshParams({ id, secret, redirectUri: REDIRECT }, 'nonsense') }
  const answer = await at.post('/token', {
    ...params,
    ...(secret !== undefined && { client_secret: secret }),
  })
  return (await outcome(answer))[0] === 400
}

test('a stored registration says where it can be changed, and with what', async () => {
  const information = await register()
  expect(information).toMatchObject({
    client_id: expect.stringMatching(/^app-[\w-]{22}$/),
    client_secret: expect.stringMatching(/^[\w-]{43}$/),
    registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
    registration_client_uri: `${system.url}/register/${information.client_id}`,
  })
  expect(await proves(information.client_id, information.client_secret)).toBe(true)
  expect(await proves(information.client_id, 'x'.repeat(43))).toBe(false)
  expect(await proves(information.client_id, undefined)).toBe(false)
})

test('a client with a stored registration signs in and refreshes', async () => {
  const { client_id: id } = await register({ token_endpoint_auth_method: 'none' })
  const client = { id, secret: undefined, redirectUri: REDIRECT }
  const { tokens } = await connect(system, { client })
  expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
})

test('neither the secret nor the access token can be read in the storage', async () => {
  const store = memory()
  const other = await startSystem({ registration: 'stored', storage: store })
  try {
    const information = await register({}, other)
    const values: string[] = []
    for await (const key of store.keys('client:')) values.push(JSON.stringify(await store.get(key)))
    expect(values).toHaveLength(1)
    expect(values[0]).toContain('Stored client')
    expect(values[0]).not.toContain(information.client_secret!)
    expect(values[0]).not.toContain(information.registration_access_token)
  } finally {
    await other.close()
  }
})

test('a client reads its registration, without the secret nobody keeps', async () => {
  const information = await register()
  const response = await manage(information, 'GET')
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const {
    client_secret: _,
    client_secret_expires_at: __,
    ...rest
  } = information as Information & {
    client_secret_expires_at: number
  }
  expect(await response.json()).toEqual(rest)
})

test('a change replaces everything, and keeps the secret', async () => {
  const information = await register({ scope: 'mcp' })
  const redirect_uris = ['http://127.0.0.1:5555/other']
  const next = { ...METADATA, client_id: information.client_id, redirect_uris, client_name: undefined }
  const response = await manage(information, 'PUT', { ...next, client_secret: information.client_secret })
  expect(response.status).toBe(200)
  const body = (await response.json()) as Record<string, unknown>
  expect(body).toMatchObject({ client_id: information.client_id, redirect_uris })
  expect(body).not.toHaveProperty('client_name')
  expect(body).not.toHaveProperty('scope')
  expect(body).not.toHaveProperty('client_secret')
  expect(await proves(information.client_id, information.client_secret)).toBe(true)
  const client = { id: information.client_id, secret: undefined, redirectUri: REDIRECT }
  expect((await system.call(authorizeUrl(system, client))).status, 'the old redirect URI').toBe(400)
})

test('a client that becomes public has no secret any more, and one that ceases to be gets one', async () => {
  const information = await register()
  const next = { ...METADATA, client_id: information.client_id }
  await manage(information, 'PUT', { ...next, token_endpoint_auth_method: 'none' })
  expect(await proves(information.client_id, undefined)).toBe(true)
  expect(await proves(information.client_id, information.client_secret)).toBe(false)
  const { client_secret: fresh } = (await (await manage(information, 'PUT', next)).json()) as Information
  expect(fresh).not.toBe(information.client_secret)
  expect(await proves(information.client_id, fresh)).toBe(true)
})

test('a client that begins to sign has no secret any more, and cannot give up its keys by silence', async () => {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] }
  const information = await register()
  const id = information.client_id
  const signs = { ...METADATA, client_id: id, token_endpoint_auth_method: 'private_key_jwt', jwks }
  const changed = await (await manage(information, 'PUT', signs)).json()
  expect(changed).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks })
  expect(changed).not.toHaveProperty('client_secret')
  expect(await proves(id, information.client_secret)).toBe(false)
  expect(await proves(id, undefined)).toBe(false)
  const silent = { ...signs, token_endpoint_auth_method: undefined, jwks: undefined }
  expect(await outcome(await manage(information, 'PUT', silent))).toEqual([400, 'invalid_client_metadata'])
  expect(await (await manage(information, 'GET')).json()).toMatchObject({ jwks })
})

test.each<[string, Record<string, unknown>, string]>([
  ['of another client', { client_id: 'other' }, 'invalid_client_metadata'],
  ['of no client', { client_id: undefined }, 'invalid_client_metadata'],
  ['with another secret', { client_secret: 'other' }, 'invalid_client_metadata'],
  ['with a secret that is no text', { client_secret: 1 }, 'invalid_client_metadata'],
  ['with an unsafe redirect URI', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
  ['without redirect URIs', { redirect_uris: undefined }, 'invalid_redirect_uri'],
])('a change %s is refused and changes nothing', async (_what, changes, error) => {
  const information = await register()
  const before = await (await manage(information, 'GET')).text()
  const next = { ...METADATA, client_id: information.client_id, ...changes }
  expect(await outcome(await manage(information, 'PUT', next))).toEqual([400, error])
  expect(await (await manage(information, 'GET')).text()).toBe(before)
})

test('a deleted client is unknown everywhere', async () => {
  const information = await register()
  expect((await manage(information, 'DELETE')).status).toBe(204)
  expect((await manage(information, 'GET')).status).toBe(401)
  expect((await manage(information, 'DELETE')).status).toBe(401)
  expect(await proves(information.client_id, information.client_secret)).toBe(false)
  const client = { id: information.client_id, secret: undefined, redirectUri: REDIRECT }
  expect((await system.call(authorizeUrl(system, client))).status).toBe(400)
})

test.each(['GET', 'PUT', 'DELETE'])(
  '%s with a wrong token is 401, whether there is such a client or not',
  async (method) => {
    const [information, other] = [await register(), await register()]
    const body = method === 'PUT' ? { ...METADATA, client_id: information.client_id } : undefined
    const absent = { ...information, client_id: `app-${'a'.repeat(22)}` }
    const answers = [
      await manage(information, method, body, `Bearer ${other.registration_access_token}`),
      await manage(information, method, body, 'Bearer x'),
      await manage(information, method, body, 'Basic eDp5'),
      await manage(information, method, body, ''),
      await manage(absent, method, body),
      await manage({ ...information, client_id: '.grant' }, method, body),
    ]
    for (const answer of answers) {
      expect(answer.headers.get('www-authenticate')).toContain('Bearer')
      expect(await outcome(answer)).toEqual([401, 'invalid_token'])
    }
    const elsewhere = await manage({ ...information, client_id: '..%2fgrant' }, method, body)
    expect(await outcome(elsewhere)).toEqual([400, 'invalid_request'])
    expect((await manage(information, 'GET')).status).toBe(200)
  },
)

test('a registration ends when it has not been used for its time, and only then', async () => {
  const other = await startSystem({ registration: 'stored', registrationTtl: 10 * DAY, refreshTtl: 90 * DAY })
  try {
    const { client_id: id } = await register({ token_endpoint_auth_method: 'none' }, other)
    const client = { id, secret: undefined, redirectUri: REDIRECT }
    let { refresh_token: token } = (await connect(other, { client })).tokens
    for (let week = 0; week < 3; week++) {
      other.clock.ahead += 8 * DAY
      const answer = await other.post('/token', refreshParams(client, token))
      expect(answer.status).toBe(200)
      token = ((await answer.json()) as { refresh_token: string }).refresh_token
    }
    other.clock.ahead += 11 * DAY
    expect(await outcome(await other.post('/token', refreshParams(client, token)))).toEqual([
      401,
      'invalid_client',
    ])
  } finally {
    await other.close()
  }
})

test('a sealed registration cannot be changed, and does not say so', async () => {
  const sealed = await startSystem()
  try {
    const information = await register({}, sealed)
    expect(information).not.toHaveProperty('registration_client_uri')
    expect(information).not.toHaveProperty('registration_access_token')
    expect((await sealed.call(`/register/${information.client_id}`)).status).toBe(404)
  } finally {
    await sealed.close()
  }
})

describe.each(['sealed', 'stored'] as const)(
  'the policy of the operator, with registrations %s,',
  (registration) => {
    test('sees what was sent, and refuses in its own words', async () => {
      const seen: unknown[] = []
      const other = await startSystem({
        registration,
        registrationPolicy: async (metadata, request) => {
          seen.push([metadata.client_name, metadata.software_id, request.headers.get('x-ticket')])
          if (request.headers.get('x-ticket') !== 'ok') {
            return { error: 'unapproved_software_statement', description: 'Ask us first', status: 403 }
          }
        },
      })
      try {
        const body = { ...METADATA, software_id: 'a' }
        const refused = await post(other, body)
        expect([refused.status, await refused.json()]).toEqual([
          403,
          { error: 'unapproved_software_statement', error_description: 'Ask us first' },
        ])
        expect(other.events.at(-1)).toMatchObject({ type: 'refused', reason: 'registration-policy' })
        expect(other.store.writes).toBe(0)
        expect((await post(other, body, { 'x-ticket': 'ok' })).status).toBe(201)
        expect(seen).toEqual([
          ['Stored client', 'a', null],
          ['Stored client', 'a', 'ok'],
        ])
        await post(other, { ...METADATA, redirect_uris: ['javascript:alert(1)'] })
        expect(seen, 'is not asked about what the rules refuse').toHaveLength(2)
      } finally {
        await other.close()
      }
    })

    test.each<[string, () => never]>([
      [
        'throws',
        () => {
          throw new Error('SENTINEL')
        },
      ],
      ['returns what is no refusal', () => ({ error: 'SENTINEL "quoted"' }) as never],
      ['returns a success as a refusal', () => ({ error: 'SENTINEL', status: 200 }) as never],
    ])('is a bare 500 where it %s', async (_what, registrationPolicy) => {
      const other = await startSystem({ registration, registrationPolicy })
      try {
        const response = await post(other, METADATA)
        const text = await response.text()
        expect([response.status, JSON.parse(text).error]).toEqual([500, 'server_error'])
        expect(text).not.toContain('SENTINEL')
        expect(other.store.writes).toBe(0)
      } finally {
        await other.close()
      }
    })
  },
)

test('the policy judges changes, too', async () => {
  let open = true
  const other = await startSystem({
    registration: 'stored',
    registrationPolicy: () => (open ? undefined : { error: 'invalid_client_metadata' }),
  })
  try {
    const { client_id: id, registration_access_token: token } = await register({}, other)
    open = false
    const response = await other.call(`/register/${id}`, {
      method: 'PUT',
      headers: { ...JSON_TYPE, authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...METADATA, client_id: id, client_name: 'Changed' }),
    })
    expect(await outcome(response)).toEqual([400, 'invalid_client_metadata'])
  } finally {
    await other.close()
  }
})
