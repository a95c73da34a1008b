import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, UnsecuredJWT } from 'jose'
import {
  createProxy,
  exchange,
  type McpOptions,
  onBehalfOf,
  type ProxyOptions,
  type UpstreamTokenRule,
} from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { examineExchange } from '../../adapters/cli/doctor/exchange.ts'
import {
  type ExchangeProvider,
  JWT_BEARER,
  startExchangeProvider,
  TOKEN_EXCHANGE,
  TOKEN_TYPE,
} from '../support/exchange-provider.ts'
import { connect, outcome, refreshParams, type StartedSystem, startSystem } from '../support/system.ts'

const AUDIENCE = 'api://tools'

let behind: Server
let backend: string
let provider: ExchangeProvider
let seen: IncomingMessage[] = []
/** Statuses of the next responses of the server behind. */
let statuses: number[] = []
const systems: StartedSystem[] = []

beforeAll(async () => {
  behind = createServer((request, response) => {
    seen.push(request)
    response.statusCode = statuses.shift() ?? 200
    request.resume().on('end', () => response.end('{}'))
  })
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  backend = `http://127.0.0.1:${(behind.address() as AddressInfo).port}`
  provider = await startExchangeProvider({ redirectUris: ['http://localhost:8787/callback'] })
})
afterAll(async () => {
  behind.closeAllConnections()
  behind.close()
  await Promise.all([provider.close(), ...systems.map((one) => one.close())])
})
beforeEach(() => {
  seen = []
  statuses = []
  provider.exchanges.length = 0
  provider.received.length = 0
  provider.answer = undefined
  provider.life = 600
})

async function start(rule: UpstreamTokenRule, more: Partial<ProxyOptions> = {}): Promise<StartedSystem> {
  const system = await startSystem({
    scopes: { read: 'Read', write: { description: 'Write' } },
    upstream: oidc({ ...provider, name: 'the provider' }),
    mcp: { url: backend, path: '/mcp', upstreamToken: rule } as McpOptions,
    revocationLag: 0,
    ...more,
  })
  systems.push(system)
  return system
}

const send = (system: StartedSystem, token: string) =>
  system.call('/mcp', {
    method: 'POST',
    body: '{}',
    headers: { authorization: `Bearer ${token}`, 'content-length': '2' },
  })

const bearerOf = (request: IncomingMessage | undefined) =>
  request?.headers.authorization?.replace('Bearer ', '')

describe('an exchange at the provider', () => {
  test('sends the server a token that is meant for it, and never the one of the provider or the client', async () => {
    const system = await start(
      exchange({ audience: AUDIENCE, scope: { read: 'tools.read', write: 'tools.write' } }),
    )
    const { tokens } = await connect(system, { params: { scope: 'read' } })
    expect((await send(system, tokens.access_token)).status).toBe(200)
    const [{ params, client }] = provider.exchanges as [ExchangeProvider['exchanges'][number]]
    expect(client).toBe('proxy')
    const { subject_token: subject, ...others } = Object.fromEntries(
      Object.entries(params).filter(([, value]) => value !== undefined),
    )
    expect(others).toEqual({
      grant_type: TOKEN_EXCHANGE,
      subject_token_type: `${TOKEN_TYPE}access_token`,
      audience: AUDIENCE,
      scope: 'tools.read',
    })
    expect(bearerOf(seen[0])).toMatch(/^[\w-]{20,}$/)
    expect(bearerOf(seen[0])).not.toBe(subject)
    expect(JSON.stringify(seen[0]!.rawHeaders)).not.toContain(tokens.access_token)
    expect(provider.received.join('\n')).not.toContain(tokens.access_token)
    expect(system.store.dump()).not.toContain(bearerOf(seen[0])!)
    expect(JSON.stringify(system.events)).not.toContain(bearerOf(seen[0])!)
  })

  test('happens once for fifty requests at once, and again only when its token is about to expire', async () => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    await Promise.all(Array.from({ length: 50 }, () => send(system, tokens.access_token)))
    expect([provider.exchanges.length, seen.length]).toEqual([1, 50])
    system.clock.ahead = 500
    await send(system, tokens.access_token)
    expect(provider.exchanges.length).toBe(1)
    system.clock.ahead = 545
    await send(system, tokens.access_token)
    expect(provider.exchanges.length).toBe(2)
  })

  test('is made for each grant and scope by itself', async () => {
    const system = await start(
      exchange({ audience: AUDIENCE, scope: (granted) => granted.map((one) => `tools.${one}`) }),
    )
    const one = await connect(system, { params: { scope: 'read' }, login: 'ada' })
    const two = await connect(system, { params: { scope: 'read write' }, login: 'bob' })
    await send(system, one.tokens.access_token)
    await send(system, two.tokens.access_token)
    expect(provider.exchanges.map(({ params }) => params.scope)).toEqual([
      'tools.read',
      'tools.read tools.write',
    ])
    expect(bearerOf(seen[0])).not.toBe(bearerOf(seen[1]))
  })

  test('is dropped with the token that it was made from, and with the grant', async () => {
    const system = await start(exchange({ audience: AUDIENCE }))
    provider.life = 86_400
    const { tokens, client } = await connect(system)
    await send(system, tokens.access_token)
    system.clock.ahead = 3590
    const next = (await (
      await system.post('/token', refreshParams(client, tokens.refresh_token))
    ).json()) as {
      access_token: string
    }
    expect((await send(system, next.access_token)).status).toBe(200)
    expect(provider.exchanges.length, 'the provider issued another token').toBe(2)
    expect(provider.exchanges[0]!.params.subject_token).not.toBe(provider.exchanges[1]!.params.subject_token)
    const [user = '', id = ''] = tokens.refresh_token.split('.')
    await system.proxy.grants.revoke({ user, id })
    expect(await outcome(await send(system, next.access_token))).toEqual([401, 'invalid_token'])
    expect(seen.length).toBe(2)
  })

  test('is made once more if the server refuses the token, and the request is sent again, once', async () => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    statuses = [401]
    expect((await send(system, tokens.access_token)).status).toBe(200)
    expect([provider.exchanges.length, seen.length]).toEqual([2, 2])
    expect(bearerOf(seen[0])).not.toBe(bearerOf(seen[1]))
    statuses = [401, 401]
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect([provider.exchanges.length, seen.length]).toEqual([3, 4])
  })

  test('uses a client of its own, several audiences, an actor and further parameters, if you say so', async () => {
    const system = await start(
      exchange({
        audience: ['one', 'two'],
        resource: 'https://tools.example.com/mcp',
        requestedTokenType: 'access_token',
        client: { clientId: 'exchanger', clientSecret: 'the secret of another client' },
        actor: {},
      }),
    )
    const { tokens } = await connect(system)
    expect((await send(system, tokens.access_token)).status).toBe(200)
    const [{ params, client }] = provider.exchanges as [ExchangeProvider['exchanges'][number]]
    expect(client).toBe('exchanger')
    expect(params).toMatchObject({
      audience: ['one', 'two'],
      resource: 'https://tools.example.com/mcp',
      requested_token_type: `${TOKEN_TYPE}access_token`,
      actor_token: expect.stringMatching(/^[\w-]{20,}$/),
      actor_token_type: `${TOKEN_TYPE}access_token`,
    })
  })

  test('can use the ID token or the refresh token, and keeps an ID token only then', async () => {
    const system = await start(exchange({ audience: AUDIENCE, subject: 'id_token' }))
    const { tokens } = await connect(system)
    await send(system, tokens.access_token)
    const { params } = provider.exchanges[0]!
    expect(params.subject_token_type).toBe(`${TOKEN_TYPE}id_token`)
    expect(decodeJwt(params.subject_token as string).sub).toBe('ada')
    const refreshing = await start(exchange({ audience: AUDIENCE, subject: 'refresh_token' }))
    const other = await connect(refreshing)
    expect((await send(refreshing, other.tokens.access_token)).status).toBe(200)
    expect(provider.exchanges[1]!.params.subject_token_type).toBe(`${TOKEN_TYPE}refresh_token`)
  })
})

describe('a response of the provider that is not what was asked for', () => {
  const good = {
    access_token: 'a-token',
    issued_token_type: `${TOKEN_TYPE}access_token`,
    token_type: 'Bearer',
  }

  test.each<[string, Record<string, unknown>]>([
    ['no issued_token_type', { ...good, issued_token_type: undefined }],
    ['another issued_token_type', { ...good, issued_token_type: `${TOKEN_TYPE}refresh_token` }],
    ['token_type N_A', { ...good, token_type: 'N_A' }],
    ['token_type DPoP', { ...good, token_type: 'DPoP' }],
    ['no token', { ...good, access_token: undefined }],
    ['a token with a line break', { ...good, access_token: 'a\r\nX-Forged: b' }],
    ['a list', [good] as never],
  ])('gives 502, and the server behind hears nothing: %s', async (_name, answer) => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    provider.answer = answer
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect(seen).toEqual([])
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'exchange-response-invalid' }),
    )
  })

  test('is accepted without issued_token_type if you say so, in any case of Bearer, and without a lifetime', async () => {
    const system = await start(exchange({ audience: AUDIENCE, acceptMissingType: true }))
    const { tokens } = await connect(system)
    provider.answer = { access_token: 'a-token', token_type: 'bEARER' }
    expect((await send(system, tokens.access_token)).status).toBe(200)
    expect(bearerOf(seen[0])).toBe('a-token')
    system.clock.ahead = 250
    await send(system, tokens.access_token)
    expect(provider.exchanges.length).toBe(1)
    system.clock.ahead = 305
    await send(system, tokens.access_token)
    expect(provider.exchanges.length).toBe(2)
  })
})

describe('an error of the provider', () => {
  const refuse = (error: string, more: object = {}) => ({ status: 400, body: { error, ...more } })

  test.each([
    'interaction_required',
    'consent_required',
    'login_required',
    'insufficient_user_authentication',
  ])('%s ends the sign-in, so that the client starts over', async (error) => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens, client } = await connect(system)
    provider.failNext('/token', refuse(error, { error_description: 'text of the vendor' }))
    const response = await send(system, tokens.access_token)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/)
    const text = await response.clone().text()
    expect(text).not.toContain('text of the vendor')
    expect(await outcome(response)).toEqual([401, 'invalid_token'])
    expect(seen).toEqual([])
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'grant-ended', reason: 'exchange-needs-sign-in', detail: error }),
    )
    const refreshed = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(refreshed)).toEqual([400, 'invalid_grant'])
  })

  describe('with claims that it demands', () => {
    const demanded = { access_token: { acrs: { essential: true, value: 'c1' } } }
    const claims = JSON.stringify(demanded)
    /** The claims of every sign-in that the provider was asked for since. */
    const asked = () =>
      provider.addresses
        .filter((one) => one.startsWith('/auth?'))
        .map(
          (one) => JSON.parse(new URL(one, provider.issuer).searchParams.get('claims') ?? 'null') as unknown,
        )
    const demand = async (
      system: StartedSystem,
      login: string,
      error = refuse('interaction_required', { claims }),
    ) => {
      const { tokens, client } = await connect(system, { login })
      provider.failNext('/token', error)
      expect((await send(system, tokens.access_token)).status).toBe(401)
      provider.addresses.length = 0
      return client
    }

    test('sends them with the next sign-in of this user, once', async () => {
      const system = await start(onBehalfOf({ scope: 'api://tools/.default' }))
      const client = await demand(system, 'ann')
      const { tokens } = await connect(system, { client, login: 'ann' })
      expect(asked()).toEqual([null, demanded])
      expect((await send(system, tokens.access_token)).status).toBe(200)
      provider.addresses.length = 0
      await connect(system, { client, login: 'ann' })
      expect(asked(), 'afterwards').toEqual([null])
    })

    test('sends them with the sign-in of no other user, also of the same client', async () => {
      const system = await start(exchange({ audience: AUDIENCE }))
      const client = await demand(system, 'bob')
      await connect(system, { client, login: 'eve' })
      expect(asked()).toEqual([null])
    })

    test('keeps what the operator always requests', async () => {
      const usual = { id_token: { groups: null }, access_token: { other: null } }
      const upstream = oidc({ ...provider, name: 'the provider', params: { claims: JSON.stringify(usual) } })
      const system = await start(exchange({ audience: AUDIENCE }), { upstream })
      const client = await demand(system, 'dan')
      await connect(system, { client, login: 'dan' })
      const both = { ...usual, access_token: { ...usual.access_token, ...demanded.access_token } }
      expect(asked()).toEqual([usual, both])
    })

    test.each(['x', '[]', '"a"', 7, `{"a":"${'x'.repeat(2000)}"}`])('ignores %s', async (odd) => {
      const system = await start(exchange({ audience: AUDIENCE }))
      const client = await demand(system, 'fay', refuse('interaction_required', { claims: odd }))
      await connect(system, { client, login: 'fay' })
      expect(asked()).toEqual([null])
    })
  })

  test('invalid_grant is tried once more with a fresh token, and ends the sign-in if that is refused too', async () => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    provider.failNext('/token', refuse('invalid_grant'))
    expect((await send(system, tokens.access_token)).status).toBe(200)
    expect(provider.exchanges.length).toBe(1)
    provider.answer = { error: 'unused' }
    const again = await start(exchange({ audience: AUDIENCE, scope: 'x' }))
    const other = await connect(again)
    // The provider knows the token no more, and after the refresh it still refuses.
    provider.answer = undefined
    const original = provider.exchanges.length
    provider.revokeAll()
    expect(await outcome(await send(again, other.tokens.access_token))).toEqual([401, 'invalid_token'])
    expect(provider.exchanges.length).toBeGreaterThan(original)
    expect(seen.length).toBe(1)
  })

  test.each([
    'invalid_target',
    'invalid_scope',
    'unauthorized_client',
    'invalid_client',
    'an error of its own',
  ])('%s is a wrong configuration: 502, and the sign-in lives', async (error) => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    provider.failNext('/token', refuse(error))
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect(seen).toEqual([])
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'exchange-misconfigured' }),
    )
    expect((await send(system, tokens.access_token)).status).toBe(200)
  })

  test.each([
    [503, { error: 'x' }],
    [429, {}],
    [400, { error: 'temporarily_unavailable' }],
  ])('%s %j is 503 with Retry-After, and the sign-in lives', async (status, body) => {
    const system = await start(exchange({ audience: AUDIENCE }))
    const { tokens } = await connect(system)
    provider.failNext('/token', { status, body })
    const response = await send(system, tokens.access_token)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    expect(seen).toEqual([])
    expect((await send(system, tokens.access_token)).status).toBe(200)
  })

  test('never lets a request pass with a wider token, or with none: an API key has nothing to exchange', async () => {
    const key = 'a key of a program, 32 characters or more'
    const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
    const system = await start(exchange({ audience: AUDIENCE }), {
      apiKeys: [{ name: 'a program', keyHash: Buffer.from(bytes).toString('hex') }],
    })
    expect(await outcome(await send(system, key))).toEqual([403, 'access_denied'])
    expect([seen.length, provider.exchanges.length]).toEqual([0, 0])
  })
})

describe('the on-behalf-of flow', () => {
  test('sends the parameters of Entra, and needs no issued_token_type', async () => {
    const system = await start(onBehalfOf({ scope: 'api://tools/.default' }))
    const { tokens } = await connect(system)
    expect((await send(system, tokens.access_token)).status).toBe(200)
    const given = Object.entries(provider.exchanges[0]!.params).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(given)).toEqual({
      grant_type: JWT_BEARER,
      assertion: expect.stringMatching(/^[\w-]{20,}$/),
      requested_token_use: 'on_behalf_of',
      scope: 'api://tools/.default',
    })
  })
})

describe('a trial by the operator', () => {
  const rule = exchange({ audience: AUDIENCE, scope: { read: 'tools.read', write: 'tools.write' } })
  const optionsOf = (system: StartedSystem, mcp: object): ProxyOptions => ({
    url: system.url,
    secret: 'a secret of the tests, long enough to be one',
    storage: system.store,
    scopes: { read: 'Read', write: { description: 'Write' } },
    upstream: oidc({ ...provider, name: 'the provider' }),
    mcp: { url: backend, path: '/mcp', ...mcp } as McpOptions,
  })
  async function signedIn() {
    const system = await start(rule)
    await connect(system, { params: { scope: 'read' } })
    for await (const { user, id } of system.proxy.grants.all()) return { system, grant: `${user}.${id}` }
    throw new Error('there is no grant')
  }

  test('tells the audience, the scope and the expiry of the result, and nothing else of it', async () => {
    const { system, grant } = await signedIn()
    const exp = 1_900_000_000
    const token = new UnsecuredJWT({ aud: AUDIENCE, scp: ['tools.read'], exp, sub: 'canary' }).encode()
    provider.answer = {
      access_token: `${token}c2ln`,
      issued_token_type: `${TOKEN_TYPE}access_token`,
      token_type: 'Bearer',
    }
    const finding = await examineExchange(optionsOf(system, { upstreamToken: rule }), grant)
    const expected = `for ${system.mcp}, aud ${AUDIENCE}, scope tools.read, exp 2030-03-17T17:46:40Z`
    expect(finding).toMatchObject({ status: 'ok', seen: expected })
    expect(provider.exchanges.map(({ params }) => params.scope)).toEqual(['tools.read'])
    expect(JSON.stringify(finding)).not.toMatch(/canary|eyJ/)
  })

  test('shows nothing of an opaque token', async () => {
    const { system, grant } = await signedIn()
    const finding = await examineExchange(optionsOf(system, { upstreamToken: rule }), grant)
    expect(finding).toMatchObject({ status: 'ok', seen: `for ${system.mcp}, opaque` })
  })

  test('names what is wrong, and what helps', async () => {
    const { system, grant } = await signedIn()
    const options = optionsOf(system, { upstreamToken: rule })
    provider.failNext('/token', { status: 400, body: { error: 'invalid_target' } })
    const refused = await examineExchange(options, grant)
    expect(refused).toMatchObject({ status: 'fail', seen: 'exchange-misconfigured: invalid_target' })
    const other = `${'a'.repeat(22)}.${'b'.repeat(22)}`
    for (const [mcp, one] of [
      [{}, grant],
      [{ upstreamToken: rule }, other],
    ] as const)
      expect(await examineExchange(optionsOf(system, mcp), one)).toMatchObject({ status: 'fail' })
    await expect(examineExchange(options, 'eyJ.x.y')).rejects.toThrow(/^--as: expected a grant/)
  })
})

describe('the configuration', () => {
  const start = (entry: object) =>
    createProxy({
      url: 'https://lock.example.com',
      secret: 'a secret of the tests, long enough to be one',
      upstream: { login: '/login', name: 'The app' },
      storage: memory(),
      mcp: entry as never,
    })
  const url = 'http://127.0.0.1:3000/mcp'

  test.each<[string, object, RegExp]>([
    ['no rule', { url, upstreamToken: {} }, /mcp\.upstreamToken: expected exchange/],
    ['no target', { url, upstreamToken: exchange({}) }, /needs an `audience`/],
    [
      'a parameter of the protocol',
      { url, upstreamToken: exchange({ audience: 'a', params: { subject_token: 'x' } }) },
      /params\.subject_token/,
    ],
    [
      'a client for on-behalf-of',
      { url, upstreamToken: { ...onBehalfOf({ scope: 'a' }), client: {} } },
      /client/,
    ],
    [
      'a handler',
      { handler: () => new Response(), upstreamToken: exchange({ audience: 'a' }) },
      /only for a server with `url`/,
    ],
    [
      'two bearer tokens',
      { url, forward: 'upstream-token', upstreamToken: exchange({ audience: 'a' }) },
      /only one of/,
    ],
    [
      'an endpoint over http',
      { url, upstreamToken: exchange({ audience: 'a', tokenEndpoint: 'http://x.example/token' }) },
      /tokenEndpoint/,
    ],
  ])('refuses %s', (_name, entry, message) => {
    expect(() => start(entry)).toThrow(message)
  })
})
