import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { crossApp, type McpOptions, type UpstreamTokenRule } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type ExchangeProvider,
  JWT_BEARER,
  startExchangeProvider,
  TOKEN_TYPE,
} from '../support/exchange-provider.ts'
import { connect, outcome, type StartedSystem, startSystem } from '../support/system.ts'

const PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'
const CLIENT = { clientId: 'lockgate-there', clientSecret: 'the-secret-of-Lockgate-there' }
const { privateKey, publicKey } = await generateKeyPair('RS256')

/** An MCP server with an authorization server of its own, which checks every parameter. */
interface Behind {
  readonly url: string
  readonly issuer: string
  /** The forms that its token endpoint got. */
  readonly asked: URLSearchParams[]
  /** The bearer tokens that its MCP endpoint got. */
  readonly bearers: (string | undefined)[]
  profiles: string[]
  /** Replaces the `resource` of its metadata. */
  resource: string | undefined
  refuses: string | undefined
  /** Ends every token. */
  forget(): void
  close(): void
}

async function startBehind(): Promise<Behind> {
  const asked: URLSearchParams[] = []
  const bearers: (string | undefined)[] = []
  const used = new Set<string>()
  const live = new Set<string>()
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const [status, body] = await answer(
        request.url ?? '',
        request.headers.authorization,
        Buffer.concat(chunks).toString(),
      )
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const url = `${issuer}/mcp`
  const behind = {
    url,
    issuer,
    asked,
    bearers,
    profiles: [PROFILE],
    resource: undefined as string | undefined,
    refuses: undefined as string | undefined,
    forget: () => live.clear(),
    close: () => server.close(),
  }

  async function redeem(authorization: string | undefined, form: URLSearchParams): Promise<[number, object]> {
    const basic = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')
    if (authorization !== `Basic ${basic}`) return [401, { error: 'invalid_client' }]
    if (behind.refuses) return [400, { error: behind.refuses }]
    if (form.get('grant_type') !== JWT_BEARER || form.get('resource') !== url)
      return [400, { error: 'invalid_target' }]
    const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, {
      issuer: provider.issuer,
      audience: issuer,
      typ: 'oauth-id-jag+jwt',
      requiredClaims: ['sub', 'jti', 'client_id'],
    })
    if (payload.client_id !== CLIENT.clientId || payload.resource !== url)
      return [400, { error: 'invalid_grant' }]
    if (used.has(payload.jti!)) return [400, { error: 'invalid_grant' }]
    used.add(payload.jti!)
    const token = crypto.randomUUID()
    live.add(token)
    return [
      200,
      { access_token: token, token_type: 'Bearer', expires_in: 3600, scope: form.get('scope') ?? '' },
    ]
  }

  async function answer(
    path: string,
    authorization: string | undefined,
    body: string,
  ): Promise<[number, object]> {
    if (path === '/.well-known/oauth-protected-resource/mcp') {
      return [200, { resource: behind.resource ?? url, authorization_servers: [issuer] }]
    }
    if (path === '/.well-known/oauth-authorization-server') {
      return [
        200,
        {
          issuer,
          token_endpoint: `${issuer}/token`,
          authorization_grant_profiles_supported: behind.profiles,
        },
      ]
    }
    if (path === '/token') {
      const form = new URLSearchParams(body)
      asked.push(form)
      return redeem(authorization, form).catch(() => [400, { error: 'invalid_grant' }])
    }
    bearers.push(authorization?.replace('Bearer ', ''))
    return live.has(bearers.at(-1) ?? '') ? [200, {}] : [401, {}]
  }
  return behind
}

let one: Behind
let two: Behind
let provider: ExchangeProvider
/** Changes the next assertions of the provider. */
let change: { typ?: string; claims?: Record<string, unknown> } = {}
const systems: StartedSystem[] = []

beforeAll(async () => {
  provider = await startExchangeProvider({
    redirectUris: ['http://localhost:8787/callback'],
    async idJag({ subject, params }) {
      return new SignJWT({
        client_id: CLIENT.clientId,
        resource: params.resource,
        scope: params.scope,
        ...change.claims,
      })
        .setProtectedHeader({ alg: 'RS256', typ: change.typ ?? 'oauth-id-jag+jwt' })
        .setIssuer(provider.issuer)
        .setSubject(subject)
        .setAudience((change.claims?.aud as string) ?? (params.audience as string))
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
    },
  })
})
beforeEach(async () => {
  ;[one, two] = await Promise.all([startBehind(), startBehind()])
  provider.exchanges.length = 0
  change = {}
})
afterAll(() => Promise.all([provider.close(), ...systems.map((system) => system.close())]))

const rule = (more: object = {}): UpstreamTokenRule =>
  crossApp({ client: CLIENT, scope: { read: 'tools.read' }, ...more })

async function start(upstreamToken: UpstreamTokenRule = rule()): Promise<StartedSystem> {
  const entry = (url: string, path: string) => ({ url, path, upstreamToken }) as McpOptions
  const system = await startSystem({
    scopes: { read: 'Read' },
    upstream: oidc({ ...provider, name: 'the provider' }),
    mcp: [entry(one.url, '/mcp'), entry(two.url, '/two')],
  })
  systems.push(system)
  return system
}

const send = (system: StartedSystem, token: string, path = '/mcp') =>
  system.call(path, {
    method: 'POST',
    body: '{}',
    headers: { authorization: `Bearer ${token}`, 'content-length': '2' },
  })

describe('cross-app access', () => {
  test('gets an assertion at the provider and a token at the server behind, once for many requests', async () => {
    const system = await start()
    const { tokens } = await connect(system)
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(system, tokens.access_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    const [{ params }] = provider.exchanges as [ExchangeProvider['exchanges'][number]]
    expect(params).toMatchObject({
      requested_token_type: `${TOKEN_TYPE}id-jag`,
      subject_token_type: `${TOKEN_TYPE}id_token`,
      audience: one.issuer,
      resource: one.url,
      scope: 'tools.read',
      actor_token: undefined,
    })
    expect(decodeJwt(params.subject_token as string)).toMatchObject({ sub: 'ada', aud: 'proxy' })
    expect([provider.exchanges.length, one.asked.length]).toEqual([1, 1])
    expect(Object.fromEntries(one.asked[0]!)).toEqual({
      grant_type: JWT_BEARER,
      assertion: expect.any(String),
      resource: one.url,
      scope: 'tools.read',
    })
    expect(system.store.dump()).not.toContain(one.bearers[0]!)
  })

  test('uses each assertion once: another one for each server, and after a refused token', async () => {
    const system = await start()
    const first = await connect(system)
    const second = await connect(system, { params: { resource: `${system.url}/two` } })
    await send(system, first.tokens.access_token)
    await send(system, second.tokens.access_token, '/two')
    one.forget()
    expect((await send(system, first.tokens.access_token)).status).toBe(200)
    const assertions = [...one.asked, ...two.asked].map((form) => form.get('assertion')!)
    expect(assertions.length).toBe(3)
    expect(new Set(assertions.map((text) => decodeJwt(text).jti)).size).toBe(3)
    expect(assertions.map((text) => decodeJwt(text).aud)).toEqual([one.issuer, one.issuer, two.issuer])
  })

  test('can use the refresh token, and the authorization server that you name', async () => {
    const system = await start(rule({ subject: 'refresh_token', authorizationServer: one.issuer }))
    const { tokens } = await connect(system)
    expect((await send(system, tokens.access_token)).status).toBe(200)
    expect(provider.exchanges[0]!.params.subject_token_type).toBe(`${TOKEN_TYPE}refresh_token`)
  })

  test('asks the provider for nothing if the server there does not accept assertions', async () => {
    one.profiles = []
    const system = await start()
    const { tokens } = await connect(system)
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect([provider.exchanges.length, one.asked.length, one.bearers.length]).toEqual([0, 0, 0])
  })

  test('believes no metadata about another server', async () => {
    one.resource = two.url
    const system = await start()
    const { tokens } = await connect(system)
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect(provider.exchanges.length).toBe(0)
  })

  test.each<[string, typeof change]>([
    ['another type', { typ: 'JWT' }],
    ['another audience', { claims: { aud: 'https://elsewhere.example' } }],
    ['another client', { claims: { client_id: 'another' } }],
  ])('hands over no assertion with %s', async (_name, changed) => {
    change = changed
    const system = await start()
    const { tokens } = await connect(system)
    expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
    expect([provider.exchanges.length, one.asked.length, one.bearers.length]).toEqual([1, 0, 0])
  })

  test.each(['invalid_grant', 'invalid_client', 'access_denied'])(
    'falls back to no other token if the server there says %s, and the sign-in lives',
    async (error) => {
      one.refuses = error
      const system = await start()
      const { tokens } = await connect(system)
      expect(await outcome(await send(system, tokens.access_token))).toEqual([502, 'bad_gateway'])
      expect([one.asked.length, one.bearers.length]).toEqual([1, 0])
      one.refuses = undefined
      expect((await send(system, tokens.access_token)).status).toBe(200)
      expect(one.asked[0]!.get('assertion')).not.toBe(one.asked[1]!.get('assertion'))
    },
  )

  test('follows the provider if it wants the user', async () => {
    const system = await start()
    const { tokens } = await connect(system)
    provider.failNext('/token', { status: 400, body: { error: 'interaction_required' } })
    expect(await outcome(await send(system, tokens.access_token))).toEqual([401, 'invalid_token'])
    expect(one.asked.length).toBe(0)
  })
})
