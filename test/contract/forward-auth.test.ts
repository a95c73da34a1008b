import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { type NodeServer, serve } from 'lockgate/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient, type Walk } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider } from '../support/provider.ts'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'
import { exchange } from './carrier/world.ts'
import { caddyInFront, nginxInFront } from './servers/fronts.ts'
import { hasCommand } from './servers/servers.ts'

const SECRET = 'a-secret-of-the-proxy-in-front-long-enough'

const FRONTS = [
  ['nginx', nginxInFront, hasCommand('nginx', '-v')],
  ['caddy', caddyInFront, hasCommand('caddy', 'version')],
] as const

const walk: Walk = async (url) => {
  const browser = new Browser()
  const stopAt = url.searchParams.get('redirect_uri')!
  const consent = asPage(await browser.open(url.href))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  return asUrl(await signInAtProvider(browser, login, { stopAt }))
}

/** Pieces of which spellings with several readings are made. */
const PIECES =
  '/ // . .. ... ; \\ % %2f %2F %5c %2e %252e %252f %00 %20 %61 %41 %25 %3b %3f %c0%af ? & ~ - a A admin ADMIN adm%69n x'.split(
    ' ',
  )

describe.each(FRONTS)('behind %s, which carries the bodies itself,', (name, front, isThere) => {
  describe.skipIf(!isThere)('clients of the MCP SDK', () => {
    let system: StartedSystem
    let server: NodeServer
    let mcp: Awaited<ReturnType<typeof startMcpServer>>
    let stop: () => Promise<void>

    beforeAll(async () => {
      const [port, lockgate] = await Promise.all([freePort(), freePort()])
      mcp = await startMcpServer()
      system = await startSystem({
        url: `http://localhost:${port}`,
        mcp: { url: mcp.url, sessions: 'dangerously-unbound' },
        forwardAuth: { proxy: name, secret: SECRET },
        trustProxy: 1,
      })
      server = await serve(system.proxy, { port: lockgate })
      stop = await front({ port, lockgate, mcp: new URL(mcp.url).host, secret: SECRET })
    })
    afterAll(async () => {
      await stop?.()
      await Promise.all([server?.close(true), mcp?.close(), system?.close()])
    })

    test('1.x sign in, call a tool, and refresh by themselves', async () => {
      const provider = new SignedInClient(walk)
      const { client } = await connectV1(system.mcp, provider)
      expect((await client.listTools()).tools.length).toBeGreaterThan(5)
      const result = await client.callTool({ name: 'echo', arguments: { message: 'one' } })
      expect(JSON.stringify(result.content)).toContain('Echo: one')
      const before = provider.saved!
      system.clock.ahead += 3601
      await client.callTool({ name: 'echo', arguments: { message: 'two' } })
      expect(provider.saved!.access_token).not.toBe(before.access_token)
      expect(provider.authorizations).toBe(1)
      const types = system.events.map(({ type }) => type)
      expect(types).toContain('admitted')
      expect(types, 'no request to the MCP server went through this process').not.toContain('forwarded')
    })

    test('2.x sign in and call a tool', async () => {
      const { client } = await connectV2(system.mcp, new SignedInClientV2(walk))
      const result = await client.callTool({ name: 'echo', arguments: { message: 'one' } })
      expect(JSON.stringify(result.content)).toContain('Echo: one')
    })
  })
})

describe.each(FRONTS)('behind %s, which asks about each request,', (name, front, isThere) => {
  describe.skipIf(!isThere)('a request', () => {
    let system: StartedSystem
    let server: NodeServer
    let inner: Server
    let stop: () => Promise<void>
    let port: number
    let token: string
    const seen: { url: string; headers: IncomingMessage['headers']; raw: string[] }[] = []

    beforeAll(async () => {
      inner = createServer((request, response) => {
        seen.push({ url: request.url!, headers: request.headers, raw: request.rawHeaders })
        response.end('BEHIND')
      })
      await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve))
      const host = `127.0.0.1:${(inner.address() as AddressInfo).port}`
      const [own, lockgate] = await Promise.all([freePort(), freePort()])
      port = own
      system = await startSystem({
        url: `http://localhost:${port}`,
        scopes: { use: 'Use', admin: 'Administer' },
        mcp: [
          { path: '/mcp', url: `http://${host}/mcp`, scopes: ['use'] },
          { path: '/mcp/admin', url: `http://${host}/mcp/admin`, scopes: ['admin'] },
        ],
        forwardAuth: { proxy: name, secret: SECRET },
        limits: { address: 300, user: 1e6, client: 1e6 },
        trustProxy: 1,
      })
      server = await serve(system.proxy, { port: lockgate })
      stop = await front({ port, lockgate, mcp: host, secret: SECRET })
      const params = { resource: `${system.url}/mcp`, scope: 'use' }
      token = (await connect(system, { params })).tokens.access_token
    })
    afterAll(async () => {
      await stop?.()
      inner?.close()
      await Promise.all([server?.close(true), system?.close()])
    })

    const send = async (
      target: string,
      headers: readonly string[] = [],
      bearer: string | undefined = token,
      method = 'GET',
    ): Promise<string> => {
      seen.length = 0
      const lines = [
        `${method} ${target} HTTP/1.1`,
        `Host: localhost:${port}`,
        ...(bearer === '' ? [] : [`Authorization: Bearer ${bearer}`]),
        ...headers,
        'Connection: close',
      ]
      return exchange(port, `${lines.join('\r\n')}\r\n\r\n`, 5000)
    }

    test('that may pass arrives with the user, and without the client’s token', async () => {
      expect(await send('/mcp/x?a=1')).toContain('BEHIND')
      const [{ url, headers }] = seen as [(typeof seen)[0]]
      expect(url).toBe('/mcp/x?a=1')
      expect(headers['x-lockgate-user-email']).toBe('ada@example.com')
      expect(headers.authorization).toBeUndefined()
      expect(JSON.stringify(headers)).not.toContain(token)
      expect(JSON.stringify(headers)).not.toContain(SECRET)
    })

    test('without a token gets the challenge', async () => {
      const answer = await send('/mcp', [], '')
      expect(answer).toMatch(/^HTTP\/1\.1 401/)
      expect(answer).toMatch(/www-authenticate: Bearer .*resource_metadata="/i)
      expect(seen).toEqual([])
    })

    test('with a token of another server gets the challenge', async () => {
      const answer = await send('/mcp/admin')
      expect(answer).toMatch(/^HTTP\/1\.1 401/)
      expect(answer).toMatch(/www-authenticate: Bearer error="invalid_token"/i)
    })

    test('of a browser page gets its preflight, and an answer that the page may read', async () => {
      const asked = ['Origin: http://localhost:9', 'Access-Control-Request-Method: POST']
      const preflight = await send('/mcp', asked, '', 'OPTIONS')
      expect(preflight).toMatch(/^HTTP\/1\.1 204/)
      expect(preflight).toMatch(/access-control-allow-origin: http:\/\/localhost:9/i)
      expect(seen).toEqual([])
      const refused = await send('/mcp', ['Origin: http://localhost:9'], '')
      expect(refused).toMatch(/access-control-allow-origin: http:\/\/localhost:9/i)
      const foreign = await send('/mcp', ['Origin: https://evil.test'])
      expect(foreign).toMatch(/^HTTP\/1\.1 403/)
      expect(seen).toEqual([])
    })

    test.each([
      'X-Lockgate-User-Email: ceo@corp.test',
      'x-lockgate-user-id: ceo',
      'X-Original-URI: /mcp',
      'X-Original-Method: OPTIONS',
      'X-Forwarded-Uri: /mcp',
      'X-Forwarded-Method: OPTIONS',
      'X-Forwarded-Host: other.test',
      'X-Forwarded-Prefix: /mcp',
      'X-Forward-Auth-Secret: guess',
      'X-Rewrite-Url: /mcp',
    ])('to the server with another scope is refused whatever %s says', async (header) => {
      const answer = await send('/mcp/admin', [header])
      expect(answer).toMatch(/^HTTP\/1\.1 40[13]/)
      expect(seen).toEqual([])
    })

    test.each(['X-Lockgate-User-Email', 'X_Lockgate_User_Email', 'x-lockgate_user_email'])(
      'never arrives with an identity that the client claims in %s',
      async (header) => {
        await send('/mcp', [`${header}: ceo@corp.test`])
        expect(JSON.stringify(seen)).not.toContain('ceo@corp.test')
      },
    )

    const NAMED = [
      'X-Lockgate-User-Id, X-Lockgate-User-Email, X-Lockgate-Scope, X-Lockgate-Grant',
      'x-lockgate-user-email',
      'Authorization',
      'Host',
      'X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-For, X-Forward-Auth-Secret',
      'X-Original-URI, X-Original-Method',
    ]
    test.each(NAMED)(
      'arrives with its whole identity, or not at all, if its Connection names %s',
      async (names) => {
        const answer = await send('/mcp', [`Connection: ${names}`])
        if (!answer.startsWith('HTTP/1.1 200')) return expect(seen).toEqual([])
        const [{ headers }] = seen as [(typeof seen)[0]]
        expect(headers['x-lockgate-user-email']).toBe('ada@example.com')
        expect(headers['x-lockgate-user-id']).toMatch(/./)
        expect(headers['x-lockgate-scope']).toBe('use')
        expect(headers['x-lockgate-grant']).toMatch(/./)
        expect(headers.authorization).toBeUndefined()
      },
    )

    test.each([
      'X-Lockgate-User-Id: admin',
      'Mcp-Session-Id: abc',
      'Last-Event-ID: 1',
      'Origin: https://evil.test',
    ])('is refused for %s, although its Connection names that header', async (header) => {
      const answer = await send('/mcp', [header, `Connection: ${header.split(':')[0]}, close`])
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/)
      expect(seen).toEqual([])
    })

    test('from outside to the path of forward auth learns nothing', async () => {
      const claims = ['X-Original-URI: /mcp', 'X-Original-Method: POST']
      const forwarded = ['X-Forwarded-Uri: /mcp', 'X-Forwarded-Method: POST']
      const answer = await send('/forward-auth', [...claims, ...forwarded])
      expect(answer).toMatch(/^HTTP\/1\.1 40[34]/)
      expect(answer).not.toMatch(/x-lockgate/i)
    })

    test.each([
      '/mcp/%61dmin',
      '/mcp/ADMIN',
      '/mcp//admin',
      '/mcp/admin;x',
      '/mcp/admin%2fx',
      '/mcp/x/..%2fadmin',
      '/mcp/x/%2e%2e/admin',
      '/mcp/x/../admin',
      '/mcp/./admin',
      '/mcp/%2561dmin',
      '/mcp/x%5c..%5cadmin',
      '/mcp\\admin',
      '/mcp/admin%20',
      '/mcp/admin.',
      '/mcp/admin%00',
      '/MCP/admin',
      '/x/..%2fmcp/admin',
      '//mcp/admin',
    ])('to %s does not reach the server with another scope', async (target) => {
      const answer = await send(target)
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/)
      expect(seen).toEqual([])
    })

    test('reaches nothing by any composition of such spellings but what its token is for', async () => {
      let passed = 0
      const spelling = fc
        .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 })
        .map((pieces) => `/mcp/${pieces.join('')}`)
      await fc.assert(
        fc.asyncProperty(spelling, async (target) => {
          await send(target)
          for (const { url } of seen) {
            passed++
            expect(url).toBe(target)
            const read = decodeURIComponent(url.replace(/\?.*/s, '')).toLowerCase()
            expect(read).not.toMatch(/^\/mcp\/admin(\/|$)|\/\/|\\|\/\.{1,2}(\/|$)|%[\da-f]{2}/)
          }
        }),
        { numRuns: 150 },
      )
      expect(passed).toBeGreaterThan(2)
    })

    test('in a flood of wrong tokens becomes 429, not a failure', async () => {
      const answers = new Set<string>()
      // The allowance grows back while the requests are sent, and a busy machine sends them slowly.
      for (let count = 0; count < 2000 && !answers.has('429'); count++) {
        answers.add((await send('/mcp', [], 'wrong')).slice('HTTP/1.1 '.length).slice(0, 3))
      }
      expect([...answers]).toEqual(['401', '429'])
    })

    test('while Lockgate is away is refused', async () => {
      await server.close(true)
      const answer = await send('/mcp')
      expect(answer).toMatch(/^HTTP\/1\.1 50[23]/)
      expect(seen).toEqual([])
    })
  })
})
