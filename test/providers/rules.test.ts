import { google } from 'lockgate/providers/google'
import { keycloak } from 'lockgate/providers/keycloak'
import { microsoft } from 'lockgate/providers/microsoft'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Draft } from '../support/imitation/id-tokens.ts'
import type { Fault, Place } from '../support/imitation/imitation.ts'
import {
  CLIENT,
  callServer,
  connectImitated,
  type ImitatedSystem,
  signInImitated,
  startImitated,
} from '../support/imitation/system.ts'
import { faultsOf } from '../support/provider-faults.ts'
import { outcome, refreshParams, register, type Tokens } from '../support/system.ts'
import { entraDocument } from './documents.ts'
import { GUID, ROWS, type Row } from './rows.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const rowOf = (name: string): Row => {
  const row = ROWS.find((one) => one.name === name)
  if (!row) throw new Error(`there is no row ${name}`)
  return row
}

async function start(name: string, own: Parameters<typeof startImitated>[2] = {}): Promise<ImitatedSystem> {
  const { provider, profile, client } = rowOf(name)
  const system = await startImitated(provider, profile, { ...(client && { client }), ...own })
  systems.push(system)
  return system
}

async function grantsOf({ store }: ImitatedSystem): Promise<string[]> {
  const keys: string[] = []
  for await (const key of store.keys('grant:')) keys.push(key)
  return keys
}

/** What a client is told at the end of a sign-in that fails. */
async function failedSignIn(system: ImitatedSystem): Promise<string | null> {
  const { answer } = await signInImitated(system, await register(system))
  expect(answer.searchParams.get('code')).toBeNull()
  expect(await grantsOf(system)).toEqual([])
  return answer.searchParams.get('error')
}

/** A client whose tokens at the provider are about to be over. */
async function stale(system: ImitatedSystem) {
  const connected = await connectImitated(system)
  system.clock.ahead += system.imitation.profile.ttl ?? 1800
  return connected
}

describe('the answer on the callback', () => {
  test.each(['oidc', 'github', 'google', 'keycloak', 'slack', 'microsoft (organizations)'])(
    '%s: one that names a foreign issuer is refused before its code is sent anywhere',
    async (name) => {
      const system = await start(name)
      system.imitation.onCallback = (answer) => answer.set('iss', 'https://attacker.example')
      expect(await failedSignIn(system)).toBe('server_error')
      expect(system.imitation.asked).not.toContain('exchange')
      expect(system.events.at(-1)).toMatchObject({
        type: 'failed',
        reason: 'provider-issuer-mismatch',
      })
    },
  )

  test('without an issuer is refused where the provider promises one', async () => {
    const system = await start('oidc')
    system.imitation.onCallback = (answer) => answer.delete('iss')
    expect(await failedSignIn(system)).toBe('server_error')
    expect(system.imitation.asked).not.toContain('exchange')
  })

  test('of a tenant that is not let in, or of none, is refused', async () => {
    for (const tenant of ['22222222-2222-4333-8444-555555555555', '{tenantid}', 'not-a-guid', '']) {
      const system = await start('microsoft (organizations)')
      system.imitation.onCallback = (answer) =>
        answer.set('iss', `https://login.microsoftonline.com/${tenant}/v2.0`)
      expect(await failedSignIn(system)).toBe('server_error')
      expect(system.imitation.asked).not.toContain('exchange')
    }
  })

  test('that names one tenant and brings the ID token of another is refused', async () => {
    const { profile } = rowOf('microsoft (organizations)')
    const provider = microsoft({ clientId: CLIENT.id, clientSecret: CLIENT.secret, tenant: 'organizations' })
    const system = await startImitated(provider, profile)
    systems.push(system)
    system.imitation.onCallback = (answer) =>
      answer.set('iss', 'https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555/v2.0')
    expect(await failedSignIn(system)).toBe('server_error')
  })

  test('that says no is passed on as such', async () => {
    const system = await start('github')
    const { answer } = await signInImitated(system, await register(system), 'nobody')
    expect(answer.searchParams.get('error')).toBe('access_denied')
    expect(system.imitation.asked).toEqual([])
  })
})

describe('an ID token', () => {
  const cases: [string, (draft: Draft) => void][] = [
    [
      'with a broken signature',
      (draft) => {
        draft.after = (token) => token.slice(0, -8) + (token.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA')
      },
    ],
    [
      'whose claims were changed after signing',
      (draft) => {
        draft.after = (token) => {
          const [header, payload, signature] = token.split('.')
          const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object
          const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'somebody else' })).toString(
            'base64url',
          )
          return [header, changed, signature].join('.')
        }
      },
    ],
    [
      'without a signature',
      (draft) => {
        draft.alg = 'none'
      },
    ],
    [
      'with another nonce',
      ({ claims }) => {
        claims.nonce = 'another'
      },
    ],
    [
      'without a nonce',
      ({ claims }) => {
        delete claims.nonce
      },
    ],
    [
      'for another client',
      ({ claims }) => {
        claims.aud = 'another'
      },
    ],
    [
      'for several clients, without saying whom it was given',
      ({ claims }) => {
        claims.aud = [CLIENT.id, 'another']
      },
    ],
    [
      'that is over',
      ({ claims }) => {
        claims.exp = Math.floor(Date.now() / 1000) - 120
      },
    ],
    [
      'that is not valid yet',
      ({ claims }) => {
        claims.nbf = Math.floor(Date.now() / 1000) + 3600
      },
    ],
    [
      'of another issuer',
      ({ claims }) => {
        claims.iss = 'https://attacker.example'
      },
    ],
    [
      'that names nobody',
      ({ claims }) => {
        delete claims.sub
      },
    ],
  ]
  test.each(cases)('%s is refused', async (_name, tamper) => {
    const system = await start('keycloak')
    system.imitation.ids.tamper = tamper
    expect(await failedSignIn(system)).toBe('server_error')
    expect(system.imitation.asked).toContain('exchange')
  })

  test('a little late by its clock is accepted', async () => {
    const system = await start('keycloak')
    system.imitation.ids.tamper = ({ claims }) => {
      claims.exp = Math.floor(Date.now() / 1000) - 10
    }
    await connectImitated(system)
  })

  test('that another key signed is accepted after the provider changed its keys', async () => {
    const system = await start('keycloak')
    await connectImitated(system)
    system.imitation.ids.rotate()
    await connectImitated(system)
    expect(system.imitation.asked.filter((one) => one === 'jwks')).toHaveLength(2)
  })

  test.each([
    ['a tenant that is not let in', '22222222-2222-4333-8444-555555555555'],
    ['no tenant', undefined],
    ['a tenant that is no GUID', '../common'],
  ])('with %s is refused', async (_name, tid) => {
    const system = await start('microsoft (organizations)')
    system.imitation.ids.tamper = ({ claims }) => {
      claims.tid = tid
      claims.iss = `https://login.microsoftonline.com/${tid}/v2.0`
    }
    expect(await failedSignIn(system)).toBe('server_error')
  })

  test('whose issuer and tenant disagree is refused', async () => {
    const system = await start('microsoft (organizations)')
    system.imitation.ids.tamper = ({ claims }) => {
      claims.iss = 'https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555/v2.0'
    }
    expect(await failedSignIn(system)).toBe('server_error')
  })

  test.each([
    ['organizations', false],
    ['consumers', true],
    ['common', true],
  ])('of a personal account at Microsoft, for %s: let in is %s', async (tenant, letIn) => {
    const { profile } = rowOf('microsoft (organizations)')
    const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'
    const discovery = `https://login.microsoftonline.com/${tenant}/v2.0/.well-known/openid-configuration`
    const root = `https://login.microsoftonline.com/${tenant}/oauth2/v2.0`
    const system = await startImitated(
      microsoft({ clientId: CLIENT.id, clientSecret: CLIENT.secret, tenant }),
      {
        ...profile,
        authorize: `${root}/authorize`,
        token: `${root}/token`,
        openid: { ...profile.openid!, discovery, document: entraDocument(tenant, '{tenantid}') },
      },
    )
    systems.push(system)
    system.imitation.ids.tamper = ({ claims }) => {
      claims.tid = personal
      claims.iss = `https://login.microsoftonline.com/${personal}/v2.0`
    }
    if (letIn) await connectImitated(system)
    else expect(await failedSignIn(system)).toBe('server_error')
  })
})

describe('a metadata document', () => {
  test.each(['keycloak', 'microsoft (organizations)', 'authentik', 'google'])(
    'of another issuer is not used: %s',
    async (name) => {
      const { profile, provider } = rowOf(name)
      const system = await startImitated(provider, {
        ...profile,
        openid: { ...profile.openid!, documentIssuer: 'https://attacker.example' },
      })
      systems.push(system)
      expect(await failedSignInBefore(system)).toBe('temporarily_unavailable')
    },
  )

  test('that came over https leads to no http', async () => {
    const { profile } = rowOf('keycloak')
    const system = await startImitated(rowOf('keycloak').provider, {
      ...profile,
      token: 'http://sso.example.com/token',
      openid: {
        ...profile.openid!,
        document: { ...profile.openid!.document, token_endpoint: 'http://sso.example.com/token' },
      },
    })
    systems.push(system)
    expect(await failedSignIn(system)).toBe('server_error')
    expect(system.imitation.asked).not.toContain('exchange')
  })
})

/** What becomes of a sign-in that does not get as far as the provider. */
async function failedSignInBefore(system: ImitatedSystem): Promise<string | null> {
  const result = await signInImitated(system, await register(system)).catch((error: Error) => error)
  if (!(result instanceof Error)) return result.answer.searchParams.get('error')
  const found = /error=(\w+)|temporarily_unavailable/.exec(result.message + JSON.stringify(system.events))
  return found?.[1] ?? found?.[0] ?? null
}

describe('tokens stay on their side', () => {
  test('the provider’s token is no bearer here, and ours never reaches the provider', async () => {
    const system = await start('keycloak')
    const { client, tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    for (const foreign of [token, `${token}x`]) {
      const response = await system.call('/mcp', {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${foreign}` },
      })
      expect(response.status).toBe(401)
    }
    system.clock.ahead += 1800
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await response.json()) as Tokens
    await callServer(system, next.access_token)
    await system.post('/revoke', { token: next.refresh_token, client_id: client.id })
    await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
    const sent = JSON.stringify(
      system.imitation.seen.map(({ url, query, headers, text }) => [url, `${query}`, [...headers], text]),
    )
    for (const own of [tokens.access_token, tokens.refresh_token, client.id]) expect(sent).not.toContain(own)
    expect(sent).toContain('refresh-')
  })

  test('what a client asks for as resource is not passed on, by any provider', {
    timeout: 60_000,
  }, async () => {
    for (const { name } of ROWS) {
      const system = await start(name)
      await connectImitated(system)
      for (const { query, text } of system.imitation.seen) {
        expect(query.has('resource'), name).toBe(false)
        expect(text, name).not.toMatch(/resource|proxy\.example\.com%2Fmcp/)
      }
    }
  })

  test('a fixed resource is asked for where the operator says so', async () => {
    const row = rowOf('keycloak')
    const provider = oidc({
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      issuer: 'https://sso.example.com/realms/staff',
      overrides: { resource: 'https://api.example.com' },
    })
    const system = await startImitated(provider, row.profile)
    systems.push(system)
    const { answer } = await signInImitated(system, await register(system)).catch(() => ({
      answer: undefined,
    }))
    expect(answer?.searchParams.get('code') ?? null).toBeNull()
    expect(system.imitation.complaints).toEqual(['authorization: a resource'])
  })

  test('no setting takes the place of what a sign-in is bound by', async () => {
    const row = rowOf('keycloak')
    const params = {
      state: 'fixed',
      nonce: 'fixed',
      redirect_uri: 'https://attacker.example',
      client_id: 'x',
      response_type: 'token',
    }
    const system = await startImitated({ ...row.provider, params }, row.profile)
    systems.push(system)
    await connectImitated(system)
    expect(system.imitation.complaints).toEqual([])
  })
})

describe('what a provider writes in its errors', () => {
  const canary = 'Canary7f3a-secret'
  const places: [string, Place, Fault][] = [
    [
      'at the code exchange',
      'exchange',
      {
        status: 400,
        body: { error: canary, error_description: canary, error_uri: `https://x.example/${canary}` },
      },
    ],
    ['at the code exchange, without a name', 'exchange', { status: 500, body: { message: canary } }],
    ['at the code exchange, with status 200', 'exchange', { body: { error: canary } }],
    [
      'as a page',
      'exchange',
      { status: 200, body: `<h1>${canary}</h1>`, headers: { 'content-type': 'text/html' } },
    ],
    [
      'as a challenge',
      'exchange',
      { status: 401, body: { error: canary }, headers: { 'www-authenticate': `Bearer error="${canary}"` } },
    ],
    ['at userinfo', 'api', { status: 403, body: { message: canary } }],
    ['as an identity without a subject', 'api', { body: { name: canary } }],
    ['as an identity that is none', 'api', { body: canary }],
  ]
  test.each(places)('%s reaches neither a client nor an event', async (_name, at, fault) => {
    for (const name of ['github', 'discord']) {
      const system = await start(name)
      system.imitation.faults.push({ at, fault })
      expect(await failedSignIn(system)).toMatch(/^(server_error|temporarily_unavailable)$/)
      expect(JSON.stringify(system.events) + system.answers.join()).not.toContain(canary)
    }
  })

  test('on the callback reaches neither', async () => {
    const system = await start('github')
    system.imitation.onCallback = (answer) => {
      answer.delete('code')
      for (const name of ['error', 'error_description']) answer.set(name, canary)
    }
    expect(await failedSignIn(system)).toBe('server_error')
    expect(JSON.stringify(system.events) + system.answers.join()).not.toContain(canary)
  })

  test.each([400, 401, 403, 500])('at a refresh with status %i reaches neither', async (status) => {
    const system = await start('keycloak')
    const { client, tokens } = await stale(system)
    system.imitation.faults.push({
      at: 'refresh',
      fault: { status, body: { error: canary, error_description: canary } },
    })
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(503)
    expect(JSON.stringify(system.events) + system.answers.join()).not.toContain(canary)
  })

  test('at a revocation reaches neither', async () => {
    const system = await start('discord')
    const { client, tokens } = await connectImitated(system)
    for (let times = 0; times < 2; times++)
      system.imitation.faults.push({ at: 'revoke', fault: { status: 400, body: { error: canary } } })
    await system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
    await vi.waitFor(() => expect(system.events.some(({ type }) => type === 'failed')).toBe(true))
    expect(JSON.stringify(system.events) + system.answers.join()).not.toContain(canary)
  })
})

describe('at a refresh', () => {
  const passing: [string, Fault, number | undefined][] = [
    ['500', { status: 500, body: { error: 'invalid_grant' } }, undefined],
    ['503 with Retry-After', { status: 503, headers: { 'retry-after': '17' } }, 17],
    [
      '429, even with the name of an end',
      { status: 429, body: { error: 'invalid_grant' }, headers: { 'retry-after': '9' } },
      9,
    ],
    ['an absurd Retry-After', { status: 429, headers: { 'retry-after': '99999999' } }, undefined],
    ['a body that does not end', 'huge', undefined],
    ['half an object', { body: '{"access_token":' }, undefined],
    ['a page', { body: '<html></html>', headers: { 'content-type': 'text/html' } }, undefined],
    ['nothing', { body: '' }, undefined],
    ['a redirect', { status: 302, headers: { location: 'https://attacker.example/' } }, undefined],
    ['an error of the configuration', { status: 401, body: { error: 'invalid_client' } }, undefined],
    ['an answer without a token', { body: { token_type: 'bearer' } }, undefined],
  ]
  test.each(passing)('%s leaves the grant alive, and says when to come back', async (_name, fault, after) => {
    const system = await start('gitlab')
    const { client, tokens } = await stale(system)
    system.imitation.faults.push({ at: 'refresh', fault })
    const refused = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(refused.status).toBe(503)
    const retry = Number(refused.headers.get('retry-after'))
    expect(retry).toBeGreaterThan(0)
    expect(retry).toBeLessThanOrEqual(3600)
    if (after !== undefined) expect(retry).toBe(after)
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(200)
    expect(system.events.some(({ type }) => type === 'grant-ended')).toBe(false)
  })

  test('a provider that does not answer is given up after ten seconds, and the grant lives', async () => {
    const system = await start('gitlab')
    const { client, tokens } = await stale(system)
    system.imitation.faults.push({ at: 'refresh', fault: 'hang' })
    const began = Date.now()
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(503)
    expect(Date.now() - began).toBeLessThan(15_000)
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test.each(['keycloak', 'github-app', 'hubspot', 'clerk', 'atlassian', 'airtable', 'slack'])(
    '%s: its own name for the end of a grant ends it',
    async (name) => {
      const system = await start(name)
      const { client, tokens } = await stale(system)
      system.imitation.grants.endAll()
      const answer = await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      expect(answer).toEqual([400, 'invalid_grant'])
      expect(system.events.some(({ type }) => type === 'grant-ended')).toBe(true)
      expect(await grantsOf(system)).toEqual([])
    },
  )

  test.each<[string, Fault]>([
    ['503', { status: 503 }],
    ['429 with a short Retry-After', { status: 429, headers: { 'retry-after': '1' } }],
    ['a connection that breaks', 'reset'],
  ])('%s is tried again at once, and nobody hears of it', async (_name, fault) => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    system.imitation.faults.push({ at: 'refresh', fault })
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    expect(system.imitation.asked.filter((one) => one === 'refresh')).toHaveLength(2)
    expect(system.events.filter(({ type }) => type === 'upstream-refreshed')).toHaveLength(1)
  })

  test('attempts are three, and then the client is told when to come back', async () => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    for (let times = 0; times < 3; times++)
      system.imitation.faults.push({ at: 'refresh', fault: { status: 503, headers: { 'retry-after': '1' } } })
    const refused = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(system.imitation.asked.filter((one) => one === 'refresh')).toHaveLength(3)
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test.each<[string, Fault, number, number]>([
    ['500', { status: 500 }, 200, 2],
    ['502', { status: 502 }, 200, 2],
    ['half an object', { body: '{"access_token":' }, 503, 1],
  ])('%s is tried again at once only where tokens are not replaced', async (_name, fault, status, asked) => {
    for (const [name, ...expected] of [['airtable', 503, 1] as const, ['google', status, asked] as const]) {
      const system = await start(name)
      const { client, tokens } = await stale(system)
      system.imitation.faults.push({ at: 'refresh', fault })
      const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
      const count = system.imitation.asked.filter((one) => one === 'refresh').length
      expect([response.status, count], name).toEqual(expected)
      expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    }
  })

  const LOST = 'refresh-response-lost'
  const reasonOf = (system: ImitatedSystem) =>
    system.events.find(({ type }) => type === 'grant-ended')?.reason

  test('an answer that was lost after the provider rotated ends the grant, and the event says so', async () => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    system.imitation.faults.push({ at: 'refresh', fault: 'lost' })
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(response)).toEqual([400, 'invalid_grant'])
    expect(reasonOf(system)).toBe(LOST)
    expect(await grantsOf(system)).toEqual([])
  })

  test('so does one that a dead instance left behind', async () => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    // The answer comes, but nobody can use it: all that is left is the mark in the record.
    system.imitation.grants.renewAll()
    const [key] = await grantsOf(system)
    const found = (await system.store.get(key!))!
    const died = { ...(found.value as object), askedAt: Math.floor(Date.now() / 1000) }
    expect(await system.store.swap(key!, found.version, died, 3600)).toBe(true)
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(400)
    expect(reasonOf(system)).toBe(LOST)
  })

  test('the mark is there before the provider is asked, and gone when its answer is kept', async () => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    const askedAt = async () => {
      const [key] = await grantsOf(system)
      return ((await system.store.get(key!))!.value as { askedAt?: number }).askedAt
    }
    const { fetch } = system.imitation
    const seen: (number | undefined)[] = []
    system.imitation.fetch = async (input, init) => {
      if (`${init?.body}`.includes('refresh_token')) seen.push(await askedAt())
      return fetch(input, init)
    }
    system.imitation.faults.push({ at: 'refresh', fault: { status: 500 } })
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(503)
    expect(await askedAt(), 'after an answer that nobody can use').toBeTypeOf('number')
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    expect(await askedAt()).toBeUndefined()
    expect(seen).toEqual([expect.any(Number), expect.any(Number)])
  })

  test('a dead grant is told from a lost answer', async () => {
    const system = await start('airtable')
    const { client, tokens } = await stale(system)
    // Refused outright: that was no use of the token, so what follows is the provider's own word.
    system.imitation.faults.push({ at: 'refresh', fault: { status: 503, headers: { 'retry-after': '30' } } })
    await system.post('/token', refreshParams(client, tokens.refresh_token))
    system.imitation.grants.endAll()
    await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(reasonOf(system)).toBe('provider-error')
  })

  test.each([
    ['keycloak', 200],
    ['gitlab', 503],
  ])('while it fails, %s: a token that has not expired yet is used: %i', async (name, status) => {
    const system = await start(name, { accessTokenTtl: 86_400 })
    const { tokens } = await connectImitated(system)
    system.clock.ahead += (system.imitation.profile.ttl ?? 1800) - 30
    system.imitation.faults.push({ at: 'refresh', fault: { status: 502 } })
    const response = await system.call('/mcp', {
      method: 'POST',
      body: '{}',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    // Where a refresh ends the access token before it, that one may be dead.
    expect(response.status).toBe(status)
  })

  test('an ID token whose keys cannot be fetched costs nobody the new tokens', async () => {
    const system = await start('keycloak')
    const { client, tokens } = await stale(system)
    system.imitation.ids.rotate()
    for (let times = 0; times < 3; times++)
      system.imitation.faults.push({ at: 'jwks', fault: { status: 503 } })
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test('an ID token of another subject ends the grant, and its tokens are not used', async () => {
    const system = await start('keycloak')
    const { client, tokens } = await stale(system)
    system.imitation.ids.tamper = ({ claims }) => {
      claims.sub = 'somebody-else'
    }
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(400)
    expect(system.events.find(({ type }) => type === 'grant-ended')).toMatchObject({
      reason: 'refresh-subject-mismatch',
    })
  })

  test('an ID token that is tampered with is refused, and the grant lives', async () => {
    const system = await start('keycloak')
    const { client, tokens } = await stale(system)
    system.imitation.ids.tamper = ({ claims }) => {
      claims.aud = 'another'
    }
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(503)
    expect(system.events.some(({ type }) => type === 'grant-ended')).toBe(false)
  })

  test('many requests at once ask the provider once', async () => {
    const system = await start('airtable', { accessTokenTtl: 86_400 })
    const { tokens } = await stale(system)
    const told = await Promise.all(Array.from({ length: 12 }, () => callServer(system, tokens.access_token)))
    expect(new Set(told.map(({ token }) => token)).size).toBe(1)
    expect(system.imitation.asked.filter((one) => one === 'refresh')).toHaveLength(1)
  })
})

describe('at a revocation', () => {
  const failures = (system: ImitatedSystem) => system.events.filter(({ type }) => type === 'failed')

  async function revoke(name: string, ...faults: Fault[]) {
    const system = await start(name)
    const { client, tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    for (const fault of faults) system.imitation.faults.push({ at: 'revoke', fault })
    const began = Date.now()
    const response = await system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
    expect([response.status, Date.now() - began < 400]).toEqual([200, true])
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(400)
    expect(await grantsOf(system)).toEqual([])
    return { system, alive: () => system.imitation.grants.personOf(token) !== undefined }
  }

  test.each<[string, Fault]>([
    ['503', { status: 503 }],
    ['a connection that breaks', 'reset'],
  ])('%s is tried again in the background', async (_name, fault) => {
    const { system, alive } = await revoke('slack', fault, fault)
    await vi.waitFor(() => expect(alive()).toBe(false), 6000)
    expect(failures(system)).toEqual([])
  })

  test('what never ends is reported, with the grant it was about', async () => {
    const { system } = await revoke('slack', ...Array.from({ length: 4 }, (): Fault => ({ status: 503 })))
    await vi.waitFor(() => expect(failures(system)).toHaveLength(1), 15_000)
    expect(failures(system)[0]).toMatchObject({
      reason: 'provider-tokens-not-revoked',
      client: expect.any(String),
      grant: expect.any(String),
    })
  })

  test('a refusal is reported at once', async () => {
    const { system } = await revoke('slack', { body: { ok: false, error: 'missing_scope' } })
    await vi.waitFor(() => expect(failures(system)).toHaveLength(1))
  })

  test.each<[string, Fault]>([
    ['slack', { body: { ok: false, error: 'token_revoked' } }],
    ['slack', { body: { ok: false, error: 'invalid_auth' } }],
    ['slack', { body: { ok: false, error: 'account_inactive' } }],
    ['dropbox', { status: 401, body: { error_summary: 'invalid_access_token/' } }],
    ['keycloak', { body: { error: 'invalid_token', error_description: 'Invalid token' } }],
    ['github', { status: 404, body: { message: 'Not Found' } }],
    ['github', { status: 422, body: { message: 'Validation Failed' } }],
  ])('%s: a token that has ended before counts as revoked: %j', async (name, fault) => {
    const { system } = await revoke(name, fault)
    await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(failures(system)).toEqual([])
  })

  test.each(['slack', 'dropbox', 'github (expiring tokens)', 'notion', 'zoom'])(
    '%s: an access token that has expired is refreshed first, or the refresh token would stay',
    async (name) => {
      const system = await start(name)
      const { client, tokens } = await connectImitated(system)
      system.clock.ahead += (system.imitation.profile.ttl ?? 1800) + 60
      system.imitation.asked.length = 0
      await system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
      await vi.waitFor(() => expect(system.imitation.asked).toEqual(['refresh', 'revoke']))
      expect(failures(system)).toEqual([])
      for (const token of system.imitation.grants.issued())
        expect(system.imitation.grants.personOf(token)).toBeUndefined()
    },
  )
})

test('a redirect is followed nowhere: what was sent with the request would go along', async () => {
  const places: [string, Place][] = [
    ['discord', 'exchange'],
    ['discord', 'api'],
    ['keycloak', 'discovery'],
    ['keycloak', 'jwks'],
  ]
  for (const [name, at] of places) {
    const system = await start(name)
    system.imitation.faults.push({ at, fault: { status: 307, headers: { location: '/elsewhere' } } })
    await signInImitated(system, await register(system)).catch(() => undefined)
    expect(system.imitation.seen.filter(({ url }) => url.endsWith('/elsewhere'))).toEqual([])
    expect(await grantsOf(system)).toEqual([])
  }
})

describe('Google, for one Workspace', () => {
  const credentials = { clientId: CLIENT.id, clientSecret: CLIENT.secret }
  const asked = { ...credentials, hd: 'acme.example' }

  test.each<[string, unknown, Parameters<typeof google>[0], boolean]>([
    ['an account of it', 'acme.example', asked, true],
    ['an account of another', 'other.example', asked, false],
    ['a private account', undefined, asked, false],
    ['several at once', ['acme.example'], asked, false],
    [
      'a private account, where `params` says it',
      undefined,
      { ...credentials, params: { hd: 'acme.example' } },
      false,
    ],
    ['a private account, where any Workspace will do', undefined, { ...credentials, hd: '*' }, false],
    ['any Workspace', 'other.example', { ...credentials, hd: '*' }, true],
  ])('%s', async (_name, hd, own, letIn) => {
    const system = await start('google', { upstream: google(own) })
    system.imitation.ids.tamper = ({ claims }) => void (hd !== undefined && Object.assign(claims, { hd }))
    const { last } = await signInImitated(system, await register(system)).catch(() => ({ last: undefined }))
    expect((await grantsOf(system)).length).toBe(letIn ? 1 : 0)
    expect(system.events.some(({ type }) => type === 'turned-away')).toBe(!letIn)
    if (letIn) expect(last).toContain('code=')
    expect(system.imitation.seen.some(({ query }) => query.get('hd') === (own.hd ?? own.params?.hd))).toBe(
      true,
    )
  })
})

test('several tenants are no part of one tenant', () => {
  for (const tenant of [GUID, 'acme.example', 'consumers']) {
    expect(faultsOf(microsoft({ clientId: 'x', tenant, tenants: [GUID] }))).toMatch(/^tenants: /)
  }
})

describe('http to a provider on another machine', () => {
  const issuer = 'http://sso.internal.example/realms/staff'
  const one = { clientId: 'x', clientSecret: 'y' }
  const endpoints = {
    authorizationEndpoint: 'http://a.internal.example/authorize',
    tokenEndpoint: 'http://a.internal.example/token',
    userinfoEndpoint: 'http://a.internal.example/me',
  }
  const makers: [string, (more: object) => object][] = [
    ['oidc', (more) => oidc({ ...one, issuer, ...more })],
    ['oauth2', (more) => oauth2({ ...one, ...endpoints, ...more })],
    ['keycloak', (more) => keycloak({ ...one, baseUrl: 'http://sso.internal.example', realm: 'r', ...more })],
  ]
  test.each(makers)('%s: is refused unless it is called dangerous', (_name, make) => {
    expect(faultsOf(make({}))).toMatch(/https/)
    expect(faultsOf(make({ dangerouslyAllowHttp: 'yes' }))).toMatch(/true or false/)
    expect(make({ dangerouslyAllowHttp: true })).toMatchObject({ dangerouslyAllowHttp: true })
  })

  test('works then, from sign-in to refresh', async () => {
    const { profile } = rowOf('keycloak')
    const plain = JSON.parse(
      JSON.stringify(profile).replaceAll('https://sso.example.com/realms/staff', issuer),
    ) as typeof profile
    const upstream = oidc({
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      issuer,
      dangerouslyAllowHttp: true,
    })
    const system = await startImitated(upstream, {
      ...profile,
      ...plain,
      openid: { ...profile.openid!, ...plain.openid },
    })
    systems.push(system)
    const { client, tokens } = await stale(system)
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })
})

test('a workspace is part of who somebody is', async () => {
  const ids: string[] = []
  for (const workspace of ['one', 'two', 'two']) {
    const { provider, profile } = rowOf('notion')
    const system = await startImitated(provider, {
      ...profile,
      shape: (answer, about) => ({ ...profile.shape!(answer, about), workspace_id: workspace }),
    })
    systems.push(system)
    const { tokens } = await connectImitated(system)
    ids.push((await callServer(system, tokens.access_token)).user.id)
  }
  expect(ids[0]).not.toBe(ids[1])
  expect(ids[1]).toBe(ids[2])
})

test('without the workspace nobody is anybody', async () => {
  const { provider, profile } = rowOf('notion')
  const system = await startImitated(provider, {
    ...profile,
    shape: (answer, about) => ({ ...profile.shape!(answer, about), workspace_id: null }),
  })
  systems.push(system)
  expect(await failedSignIn(system)).toBe('server_error')
})

test('the tenant is part of who somebody is', async () => {
  const ids: string[] = []
  for (const tid of [GUID, '22222222-2222-4333-8444-555555555555']) {
    const { profile } = rowOf('microsoft (organizations)')
    const provider = microsoft({ clientId: CLIENT.id, clientSecret: CLIENT.secret, tenant: 'organizations' })
    const system = await startImitated(provider, profile, { storage: memory() })
    systems.push(system)
    system.imitation.ids.tamper = ({ claims }) => {
      Object.assign(claims, { tid, iss: `https://login.microsoftonline.com/${tid}/v2.0` })
    }
    const { tokens } = await connectImitated(system)
    ids.push((await callServer(system, tokens.access_token)).user.id)
  }
  expect(ids[0]).not.toBe(ids[1])
})
