import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import {
  createRemoteJWKSet,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import { createProxy, type McpOptions } from 'lockgate'
import { type IncomingHead, type VerifyIdentityOptions, verifyIdentity } from 'lockgate/identity'
import { type NodeServer, serve } from 'lockgate/node'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createAssertions } from '../../src/forward/assertions.ts'
import { freePort } from '../support/free-port.ts'
import { connect, outcome, type StartedSystem, startSystem } from '../support/system.ts'

const KEY = 'a key of a program, 32 characters or more'

let behind: Server
let backend: string
let system: StartedSystem
let server: NodeServer
let token: string
let seen: IncomingMessage[] = []

beforeAll(async () => {
  behind = createServer((request, response) => {
    seen.push(request)
    if (request.url?.endsWith('/moved')) {
      response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end()
    } else response.end('{}')
    request.resume()
  })
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  backend = `http://127.0.0.1:${(behind.address() as AddressInfo).port}`
  const port = await freePort()
  const entry = (path: string, identity: McpOptions['identity'], more: object = {}) =>
    ({ url: backend, path, identity, ...more }) as McpOptions
  system = await startSystem({
    url: `http://localhost:${port}`,
    scopes: { read: 'Read' },
    apiKeys: [{ name: 'a program', keyHash: await hashOf(KEY) }],
    mcp: [
      entry('/mcp', {}),
      entry('/own', { header: 'X-Acme-Identity', audience: 'tools', claims: [] }, { forward: 'nothing' }),
      entry('/bearer', { as: 'bearer', alg: 'RS256' }),
      entry('/plain', undefined),
      entry('/open', {}, { tools: { '*': 'read' }, public: { tools: ['hello'] } }),
    ],
  })
  server = await serve(system.proxy, { port })
  token = (await connect(system)).tokens.access_token
})
afterAll(async () => {
  behind.closeAllConnections()
  behind.close()
  await Promise.all([server.close(true), system.close()])
})
beforeEach(() => {
  seen = []
  system.clock.ahead = 0
  system.events.length = 0
})

async function hashOf(key: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
  return Buffer.from(bytes).toString('hex')
}

const send = (path: string, bearer: string, headers: Record<string, string> = {}) =>
  fetch(system.url + path, {
    method: 'POST',
    body: '{}',
    headers: { authorization: `Bearer ${bearer}`, ...headers },
  })

const tokenFor = async (path: string) =>
  (await connect(system, { params: { resource: system.url + path } })).tokens.access_token

const verify = (text: string, audience: string, typ = 'lockgate-identity+jwt') =>
  jwtVerify(text, createRemoteJWKSet(new URL(`${system.url}/jwks`)), { issuer: system.url, audience, typ })

/** Every value of a header, in any spelling that a server could fold into it. */
const valuesOf = ({ rawHeaders }: IncomingMessage, name: string) =>
  rawHeaders.filter(
    (_, index) => rawHeaders[index - 1]?.toLowerCase().replace(/[^a-z0-9]/g, '-') === name && index % 2 === 1,
  )

describe('the signed identity', () => {
  test('tells the server behind who calls, and is verified with the published keys', async () => {
    const response = await send('/mcp', token)
    expect(response.status).toBe(200)
    const [text = '', ...others] = valuesOf(seen[0]!, 'x-lockgate-assertion')
    expect(others).toEqual([])
    expect(text.length).toBeLessThan(1024)
    const { payload, protectedHeader } = await verify(text, backend)
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: expect.any(String), typ: 'lockgate-identity+jwt' })
    expect(payload).toEqual({
      iss: system.url,
      aud: backend,
      sub: seen[0]!.headers['x-lockgate-user-id'],
      client_id: seen[0]!.headers['x-lockgate-client-id'],
      scope: 'read',
      resource: system.mcp,
      kind: 'person',
      email: 'ada@example.com',
      name: 'Name of ada',
      iat: expect.any(Number),
      exp: payload.iat! + 60,
      jti: expect.any(String),
    })
    await expect(verify(text, 'http://127.0.0.1:9')).rejects.toThrow(/aud/)
  })

  test('has a header and an audience of one’s own, and replaces the plain headers if you choose', async () => {
    await send('/own', await tokenFor('/own'))
    const [request] = seen
    const { payload } = await verify(valuesOf(request!, 'x-acme-identity')[0]!, 'tools')
    expect([payload.email, payload.name]).toEqual([undefined, undefined])
    expect(Object.keys(request!.headers).filter((name) => name.startsWith('x-lockgate'))).toEqual([])
  })

  test('as a bearer token takes the place of the client’s, which goes no further', async () => {
    const own = await tokenFor('/bearer')
    await send('/bearer', own)
    const [authorization = '', ...others] = valuesOf(seen[0]!, 'authorization')
    expect(others).toEqual([])
    expect(JSON.stringify(seen[0]!.rawHeaders)).not.toContain(own)
    const { protectedHeader } = await verify(authorization.replace('Bearer ', ''), backend, 'at+jwt')
    expect(protectedHeader.alg).toBe('RS256')
  })

  test('is not sent to a server without it', async () => {
    await send('/plain', await tokenFor('/plain'), { 'x-lockgate-assertion': 'forged' })
    expect(valuesOf(seen[0]!, 'x-lockgate-assertion')).toEqual([])
  })

  test('is the only one that arrives: every spelling of a client’s own is removed', async () => {
    const own = await tokenFor('/own')
    const raw = async (path: string, bearer: string, lines: string[]) => {
      const { port } = new URL(system.url)
      const socket = connectSocket(Number(port), '127.0.0.1')
      const head = [`POST ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${bearer}`, ...lines]
      socket.write(`${head.join('\r\n')}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`)
      await new Promise((resolve) => socket.on('close', resolve).resume())
    }
    const spellings = (name: string) =>
      [
        name,
        name.toLowerCase(),
        name.toUpperCase(),
        name.replaceAll('-', '_'),
        name.replace('-', '_'),
        name.replaceAll('-', '.'),
      ].flatMap((one) => [`${one}: forged`, `${one}: forged twice`])
    await raw('/mcp', token, spellings('X-Lockgate-Assertion'))
    await raw('/own', own, spellings('X-Acme-Identity'))
    expect(seen.length).toBe(2)
    for (const [index, name] of ['x-lockgate-assertion', 'x-acme-identity'].entries()) {
      expect(valuesOf(seen[index]!, name)).toEqual([expect.stringMatching(/^ey[\w-]+\.[\w-]+\.[\w-]+$/)])
      expect(JSON.stringify(seen[index]!.rawHeaders)).not.toContain('forged')
    }
  })

  test('does not come in a trailer either', async () => {
    const { port } = new URL(system.url)
    const socket = connectSocket(Number(port), '127.0.0.1')
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${token}`,
      'Trailer: X-Lockgate-Assertion',
    ]
    socket.write(
      `${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX-Lockgate-Assertion: forged\r\n\r\n`,
    )
    await new Promise((resolve) => socket.on('close', resolve).resume())
    expect(seen.length).toBe(1)
    expect(JSON.stringify([seen[0]!.rawHeaders, seen[0]!.rawTrailers])).not.toContain('forged')
  })

  test('says what kind of party calls: an API key is no person', async () => {
    await send('/mcp', KEY, { 'x-lockgate-assertion': 'forged' })
    const { payload } = await verify(valuesOf(seen[0]!, 'x-lockgate-assertion')[0]!, backend)
    expect([payload.kind, payload.client_id, payload.sub === decodeJwt(await signedNow()).sub]).toEqual([
      'key',
      'api-key',
      false,
    ])
  })

  test('says that a caller is anonymous: a request without it has gone around the proxy', async () => {
    const response = await fetch(`${system.url}/open`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hello' } }),
      headers: { 'content-type': 'application/json', 'x-lockgate-assertion': 'forged' },
    })
    expect(response.status).toBe(200)
    const [text = '', ...others] = valuesOf(seen[0]!, 'x-lockgate-assertion')
    expect(others).toEqual([])
    const { payload } = await verify(text, backend)
    expect(Object.keys(payload).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'kind', 'resource'])
    expect(payload.kind).toBe('anonymous')
  })

  const signedNow = async (): Promise<string> => {
    await send('/mcp', token)
    return valuesOf(seen.at(-1)!, 'x-lockgate-assertion')[0]!
  }

  test('is signed once for many requests, and anew before it expires', async () => {
    system.clock.ahead = 1000
    const sign = vi.spyOn(crypto.subtle, 'sign')
    try {
      await Promise.all(Array.from({ length: 20 }, () => send('/mcp', token)))
      expect(sign.mock.calls.length).toBe(1)
      expect(new Set(seen.map((one) => valuesOf(one, 'x-lockgate-assertion')[0])).size).toBe(1)
      system.clock.ahead = 1031
      await send('/mcp', token)
      expect(sign.mock.calls.length).toBe(2)
    } finally {
      sign.mockRestore()
    }
  })

  test('of an API key is signed once for many requests, too', async () => {
    system.clock.ahead = 2000
    const sign = vi.spyOn(crypto.subtle, 'sign')
    try {
      for (let times = 0; times < 5; times++) await send('/mcp', KEY)
      expect(sign.mock.calls.length).toBe(1)
      expect(new Set(seen.map((one) => valuesOf(one, 'x-lockgate-assertion')[0])).size).toBe(1)
    } finally {
      sign.mockRestore()
    }
  })

  test('is no access token: not here, and not as a client’s assertion', async () => {
    const text = await signedNow()
    expect(await outcome(await send('/mcp', text))).toEqual([401, 'invalid_token'])
    await send('/bearer', await tokenFor('/bearer'))
    const bearer = valuesOf(seen.at(-1)!, 'authorization')[0]!.replace('Bearer ', '')
    expect(await outcome(await send('/bearer', bearer))).toEqual([401, 'invalid_token'])
    const params = {
      grant_type: 'refresh_token',
      refresh_token: 'x',
      client_assertion: text,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    expect(await outcome(await system.post('/token', params))).toEqual([401, 'invalid_client'])
  })

  test('is in no event and no response, and follows no redirect to another host', async () => {
    const text = await signedNow()
    const moved = await fetch(`${system.url}/mcp/moved`, {
      method: 'POST',
      body: '{}',
      redirect: 'manual',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(moved.headers.get('location')).toBe('http://127.0.0.1:1/elsewhere')
    const [signature = ''] = text.split('.').slice(2)
    expect(JSON.stringify([system.events, [...moved.headers], await moved.text()])).not.toContain(signature)
  })

  test('leaves out over 50 groups and what would make it too long, and says so', async () => {
    const events: unknown[] = []
    const signed: JWTPayload[] = []
    const long = 'g'.repeat(90)
    const of = (groups: string[], name = 'Zoë\r\nX-Forged: y') => {
      const assertions = createAssertions(
        {
          id: system.mcp,
          identity: {
            header: 'x-lockgate-assertion',
            audience: backend,
            alg: 'ES256',
            claims: ['groups', 'name'],
          },
        },
        {
          issuer: system.url,
          now: () => 1,
          emit: (event) => events.push(event),
          signer: {
            sign: async (_alg: string, _typ: string, claims: JWTPayload) => {
              signed.push(claims)
              return `${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
            },
          } as never,
        },
      )!
      const user = { id: 'u', kind: 'person' as const, emailVerified: true, name, claims: { groups } }
      return assertions.of({ auth: { user, clientId: 'c', scopes: [] } } as never)
    }
    expect(await of(Array(50).fill('a'))).toMatch(/^[\w-]+$/)
    expect(signed.at(-1)).toMatchObject({ groups: Array(50).fill('a'), name: 'Zoë\r\nX-Forged: y' })
    await of(Array(51).fill('a'))
    expect(signed.at(-1)).toMatchObject({ groups_omitted: true })
    expect(signed.at(-1)).not.toHaveProperty('groups')
    await of(Array(27).fill(long), 'n'.repeat(1000))
    expect(signed.at(-1)).toMatchObject({ groups_omitted: true })
    expect(events).toEqual(
      Array(2).fill(expect.objectContaining({ type: 'claim-omitted', reason: 'too-many-groups' })),
    )
  })

  test('is refused at the configuration where it could not work', async () => {
    const start = (mcp: object) =>
      createProxy({
        url: 'https://lock.example.com',
        secret: 'a secret of the tests, long enough to be one',
        upstream: { login: '/login', name: 'The app' },
        storage: memory(),
        mcp: mcp as never,
      })
    const url = 'http://127.0.0.1:3000/mcp'
    expect(() => start({ handler: () => new Response(), identity: {} })).toThrow(
      'only for a server with `url`',
    )
    expect(() => start({ url, forward: 'upstream-token', identity: { as: 'bearer' } })).toThrow('only one of')
    for (const header of [
      'Authorization',
      'Host',
      'X-Forwarded-For',
      'Mcp-Session-Id',
      'X-Lockgate-User-Id',
      'a b',
      'x:y',
    ])
      expect(() => start({ url, identity: { header } }), header).toThrow(/mcp\.identity\.header/)
    const audience = 'https://lock.example.com/mcp'
    expect(() => start({ url, identity: { as: 'bearer', audience } })).toThrow(/mcp\.identity\.audience/)
    expect(() => start({ url, identity: {} })).not.toThrow()
  })
})

describe('the helper for the server behind', () => {
  const verified = (head: IncomingHead, changes: Partial<VerifyIdentityOptions> = {}) =>
    verifyIdentity(head, { issuer: system.url, audience: backend, ...changes })
  const REFUSED = { code: expect.stringMatching(/^ERR_J/) }

  test('verifies a request of Node and one of fetch, with fetched keys and with a copy', async () => {
    await send('/mcp', token)
    const [request] = seen
    const claims = { kind: 'person', sub: request!.headers['x-lockgate-user-id'], resource: system.mcp }
    expect(await verified(request!)).toMatchObject(claims)
    const headers = new Headers({ 'X-Lockgate-Assertion': String(request!.headers['x-lockgate-assertion']) })
    expect(await verified({ headers })).toMatchObject(claims)
    const keys = (await (await fetch(`${system.url}/jwks`)).json()) as NonNullable<
      VerifyIdentityOptions['keys']
    >
    expect(await verified({ headers }, { keys })).toMatchObject(claims)
    await expect(verified({ headers }, { keys: { keys: [] } })).rejects.toMatchObject(REFUSED)
  })

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'knows every algorithm of `identity.alg`: %s',
    async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      const text = await new SignJWT({ kind: 'client' })
        .setProtectedHeader({ alg, typ: 'lockgate-identity+jwt' })
        .setIssuer('https://mcp.example.com')
        .setAudience('tools')
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey)
      const options = { issuer: 'https://mcp.example.com/', audience: 'tools' }
      const keys = { keys: [{ ...(await exportJWK(publicKey)), alg }] }
      const head = { headers: { 'x-lockgate-assertion': text } }
      expect(await verifyIdentity(head, { ...options, keys })).toMatchObject({ kind: 'client' })
    },
  )

  test('tells keys that cannot be fetched from an identity that is not valid', async () => {
    await send('/mcp', token)
    const failing = createServer((_request, response) => response.writeHead(503).end())
    await new Promise<void>((done) => failing.listen(0, '127.0.0.1', done))
    const issuer = `http://127.0.0.1:${(failing.address() as AddressInfo).port}`
    const error = await verified(seen[0]!, { issuer }).catch((one: unknown) => one)
    failing.close()
    expect(error).toMatchObject({ message: 'the keys cannot be fetched' })
    expect(error).not.toHaveProperty('code')
  })

  test('knows other headers, and the form of a bearer token', async () => {
    await send('/own', await tokenFor('/own'))
    await send('/bearer', await tokenFor('/bearer'))
    const own = { header: 'X-Acme-Identity', audience: 'tools' }
    expect((await verified(seen[0]!, own)).kind).toBe('person')
    expect((await verified(seen[1]!, { header: 'Authorization' })).kind).toBe('person')
    // Neither passes for the other.
    await expect(verified(seen[1]!, own)).rejects.toMatchObject(REFUSED)
    const swapped = { headers: { 'x-lockgate-assertion': seen[1]!.headers.authorization?.slice(7) } }
    await expect(verified(swapped)).rejects.toMatchObject(REFUSED)
  })

  test('refuses a request that went around the proxy, and an identity that is not for here and now', async () => {
    await send('/mcp', token)
    const text = String(seen[0]!.headers['x-lockgate-assertion'])
    const head = (value: string | string[] | undefined) => ({ headers: { 'x-lockgate-assertion': value } })
    for (const value of [undefined, '', 'a.b.c', `${text}, ${text}`, [text, text], token, `Bearer ${text}`])
      await expect(verified(head(value)), String(value)).rejects.toMatchObject(REFUSED)
    await expect(verified(head(text), { audience: 'http://127.0.0.1:9' })).rejects.toMatchObject(REFUSED)
    const keys = (await (await fetch(`${system.url}/jwks`)).json()) as NonNullable<
      VerifyIdentityOptions['keys']
    >
    await expect(verified(head(text), { keys, issuer: 'https://other.example' })).rejects.toMatchObject(
      REFUSED,
    )
    try {
      vi.setSystemTime(Date.now() + 85_000)
      expect((await verified(head(text))).kind).toBe('person')
      vi.setSystemTime(Date.now() + 15_000)
      await expect(verified(head(text))).rejects.toMatchObject(REFUSED)
    } finally {
      vi.useRealTimers()
    }
  })
})
