import fc from 'fast-check'
import { type NodeServer, serve } from 'lockgate/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'
import { exchange } from './carrier/world.ts'
import {
  hasCommand,
  type RealServer,
  startExpress,
  startHono,
  startNginx,
  startWsgi,
} from './servers/servers.ts'

const SERVERS: readonly [name: string, start: () => Promise<RealServer>, isThere: boolean][] = [
  ['nginx', startNginx, hasCommand('nginx', '-v')],
  ['Express', startExpress, true],
  ['Hono', startHono, true],
  ['a WSGI server', startWsgi, hasCommand('python3', '--version')],
]

/** The pieces of which spellings with several readings are made. */
const PIECES = [
  ...'/ // . .. ... ; \\ % %2f %2F %5c %2e %252e %252f %00 %20 %61 %41 %25 %3b %3f %c0%af %c3%a9 ? & # ~ -'.split(
    ' ',
  ),
  ...'a A admin ADMIN Admin adm%69n x %EF%BC%8F %EF%BC%8E %C4%B1'.split(' '),
]

describe.each(SERVERS)('in front of %s', (name, start, isThere) => {
  let inner: RealServer
  let system: StartedSystem
  let server: NodeServer
  let port: number
  let token: string

  beforeAll(async () => {
    if (!isThere) return
    ;[inner, port] = await Promise.all([start(), freePort()])
    system = await startSystem({
      url: `http://localhost:${port}`,
      scopes: { use: 'Use', admin: 'Administer' },
      mcp: [
        { path: '/mcp', url: `${inner.url}/inner`, scopes: ['use'] },
        { path: '/mcp/admin', url: `${inner.url}/inner/admin`, scopes: ['admin'] },
        { path: '/wiki', url: `${inner.url}/wiki` },
        { path: '/issues', url: `${inner.url}/issues`, scopes: ['admin'] },
      ],
      limits: false,
    })
    server = await serve(system.proxy, { port })
    token = await tokenFor('/mcp')
  })
  afterAll(async () => {
    if (isThere) await Promise.all([server.close(true), system.close(), inner.close()])
  })

  const tokenFor = async (path: string): Promise<string> => {
    const params = { resource: system.url + path, scope: 'use' }
    return (await connect(system, { params })).tokens.access_token
  }

  /** Sends a target byte for byte. */
  async function get(target: string, bearer = token, headers: readonly string[] = []): Promise<string> {
    const lines = [
      `GET ${target} HTTP/1.1`,
      `Host: localhost:${port}`,
      `Authorization: Bearer ${bearer}`,
      ...headers,
      'Connection: close',
    ]
    return exchange(port, `${lines.join('\r\n')}\r\n\r\n`, 5000)
  }
  const body = (answer: string) =>
    JSON.parse(
      Buffer.from(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1), 'latin1').toString('utf8'),
    )

  test
    .skipIf(!isThere)
    .each([
      '/mcp/%61dmin',
      '/mcp/ADMIN',
      '/mcp/Admin/x',
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
      '/mcp/admin%3fx',
      '/mcp/adm%C4%B1n',
      '//mcp/admin',
    ])('%s does not lead to the server that needs another scope', async (target) => {
    const answer = await get(target)
    expect(answer).toMatch(/^HTTP\/1\.1 40[0-4]/)
    expect(answer).not.toContain('ADMIN"')
  })

  test.skipIf(!isThere)('no composition of such spellings leads there', async () => {
    let accepted = 0
    const spelling = fc
      .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 })
      .map((pieces) => `/mcp/${pieces.join('')}`)
    await fc.assert(
      fc.asyncProperty(spelling, async (target) => {
        const answer = await get(target)
        expect(answer).toMatch(/^HTTP\/1\.1 (200|40\d)/)
        expect(answer).not.toContain('"ADMIN"')
        if (answer.startsWith('HTTP/1.1 200')) accepted++
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeGreaterThan(5)
  })

  test
    .skipIf(!isThere)
    .each([
      '/mcp/caf%C3%A9',
      '/mcp/a%20b/c',
      '/mcp/%E4%BD%A0%E5%A5%BD?q=%E5%A5%BD&r=..%2f',
      "/mcp/it's(1)!*$+,=:@~",
    ])('%s arrives byte for byte', async (target) => {
    const seen = body(await get(target))
    expect(seen.server).toBe('USER')
    // WSGI decodes paths, and Hono shows them without their query.
    const path = name === 'a WSGI server' ? decodeURIComponent(target) : target
    const shown = name === 'a WSGI server' || name === 'Hono' ? path.replace(/\?.*/, '') : path
    expect(decodeURIComponent(seen.path)).toBe(decodeURIComponent(shown.replace(/^\/mcp/, '/inner')))
  })

  test.skipIf(!isThere)('the server itself is reached with its own scope', async () => {
    const params = { resource: `${system.url}/mcp/admin`, scope: 'admin' }
    const { tokens } = await connect(system, { params })
    expect(body(await get('/mcp/admin', tokens.access_token)).server).toBe('ADMIN')
  })

  if (name === 'nginx') {
    test
      .skipIf(!isThere)
      .each([
        '/wiki/..%2fissues',
        '/wiki/%2e%2e/issues',
        '/wiki/%2e%2e%2fissues',
        '/wiki/..%2finternal/x',
        '/wiki/..\\issues',
        '/wiki//../issues',
        '/wiki/x/..%2f..%2finternal',
      ])('%s leads neither to a sibling nor to a place that is not published', async (target) => {
      const answer = await get(target, await tokenFor('/wiki'))
      expect(answer).toMatch(/^HTTP\/1\.1 40[04]/)
      expect(answer).not.toMatch(/ISSUES|INTERNAL/)
    })
  }

  if (name === 'a WSGI server') {
    describe.skipIf(!isThere)('and its environment', () => {
      test.each([
        'X_Lockgate_User_Email',
        'X-Lockgate_User_Email',
        'x_LOCKGATE-user_email',
        'X_Forwarded_For',
        'X_Real_IP',
        'X_Forwarded_Host',
      ])('has nothing of the header %s that a client sends', async (header) => {
        const { environ } = body(await get('/mcp', token, [`${header}: ceo@corp.test`]))
        expect(JSON.stringify(environ)).not.toContain('ceo@corp.test')
        expect(environ).toHaveProperty('HTTP_X_LOCKGATE_USER_ID')
      })

      test('has the length of a body', async () => {
        const response = await fetch(`${system.url}/mcp`, {
          method: 'POST',
          body: '{"jsonrpc":"2.0"}',
          headers: { authorization: `Bearer ${token}` },
        })
        expect(((await response.json()) as { body: string }).body).toBe('{"jsonrpc":"2.0"}')
      })
    })
  }
})
