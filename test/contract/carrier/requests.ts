import { request as httpRequest } from 'node:http'
import { describe, expect, test } from 'vitest'
import { type Carrier, echo, seenIn, type World } from './world.ts'

/** What of a request reaches the MCP server. */
export function requestRules(world: () => World, { repairs = false }: Carrier): void {
  /** Sends a request with exactly these header fields, in this order. */
  async function fields(path: string, list: readonly [string, string][], method = 'GET', body = '') {
    const { port, raw, tokenFor } = world()
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: localhost:${port}`,
      `Authorization: Bearer ${await tokenFor(path)}`,
      'Connection: close',
      ...list.map(([name, value]) => `${name}: ${value}`),
    ]
    return raw(`${lines.join('\r\n')}\r\n\r\n${body}`)
  }
  const seenBehind = (answer: string) =>
    JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))

  describe('the MCP server gets', () => {
    test('method, path, query and body as they were sent', async () => {
      world().handle(echo)
      const seen = await seenIn(
        await world().send('/mcp/deep/er?x=%20y&z', {
          method: 'POST',
          body: '{"a":1}',
          headers: { 'content-type': 'application/json', 'mcp-param-x': 'kept' },
        }),
      )
      expect([seen.method, seen.url, seen.body]).toEqual([
        'POST',
        '/inner/deep/er?key=1&role=user&x=%20y&z',
        '{"a":1}',
      ])
      expect(seen.headers).toMatchObject({
        'content-type': 'application/json',
        'mcp-param-x': 'kept',
        host: new URL(world().inner).host,
      })
    })

    test.each([
      '/mcp/caf%C3%A9',
      '/mcp/a%20b',
      '/mcp/%E4%BD%A0?q=%E5%A5%BD',
      "/mcp/it's(1)!*$&+,=:@~",
      '/mcp/',
    ])('%s byte for byte', async (path) => {
      world().handle(echo)
      const { url } = await seenIn(await world().send(path))
      expect(
        url
          .replace('?key=1&role=user', '')
          .replace('&', '?')
          .replace(/^\/inner/, '/mcp'),
      ).toBe(path.replace('&', '?'))
    })

    test('the configured path exactly, with its trailing slash', async () => {
      world().handle(echo)
      expect((await seenIn(await world().send('/slash'))).url).toBe('/slash/')
      expect((await seenIn(await world().send('/slash/x'))).url).toBe('/slash/x')
      expect((await seenIn(await world().send('/upstream'))).url).toBe('/upstream')
    })

    test('the user and the client, as only the proxy says it', async () => {
      world().handle(echo)
      const forged = {
        'x-lockgate-user-id': 'forged',
        'x-lockgate-anything': 'forged',
        connection: 'close',
      }
      const { headers } = await seenIn(await world().send('/mcp', { headers: forged }))
      expect(headers).toMatchObject({
        'x-lockgate-user-id': expect.stringMatching(/^[\w-]{22}$/),
        'x-lockgate-user-email': 'ada@example.com',
        'x-lockgate-client-name': 'Test client',
        'x-lockgate-scope': 'mcp',
        'x-lockgate-grant': expect.stringMatching(/^[\w-]{22}\.[\w-]+$/),
      })
      expect(headers).not.toHaveProperty('x-lockgate-anything')
    })

    test('nothing about the user at a server with `forward: "nothing"`', async () => {
      world().handle(echo)
      const { headers } = await seenIn(
        await world().send('/plain', { headers: { 'x-lockgate-user-id': 'forged' } }),
      )
      expect(Object.keys(headers).filter((name) => /^(x-lockgate|authorization)/.test(name))).toEqual([])
    })

    test("the provider's token, and never the client's", async () => {
      world().handle(echo)
      const { headers } = await seenIn(await world().send('/upstream'))
      expect(headers.authorization).toMatch(/^Bearer .{20,}$/)
      expect(JSON.stringify(headers)).not.toContain(await world().tokenFor('/upstream'))
    })

    test.each([
      'X_Lockgate_User_Email',
      'X-Lockgate_User-Email',
      'x_lockgate-user_email',
      'X.Lockgate.User.Email',
      'X-LOCKGATE-USER-EMAIL',
      'X_Forwarded_For',
      'X-Forwarded_Host',
      'x-forwarded-user',
      'X_Real_IP',
      'Forwarded',
      'True-Client-IP',
      'CF-Connecting-IP',
      'X_Client_Ip',
      'X-Original-URL',
      'X_Rewrite_Url',
    ])('no %s of the client', async (name) => {
      world().handle(echo)
      const seen = seenBehind(await fields('/mcp', [[name, 'ceo@corp.test']]))
      expect(JSON.stringify(seen)).not.toContain('ceo@corp.test')
    })

    test("the client's address, as the proxy saw it", async () => {
      world().handle(echo)
      const { headers } = await seenIn(
        await world().send('/mcp', { headers: { 'x-forwarded-for': '203.0.113.9' } }),
      )
      expect(headers['x-forwarded-for']).toMatch(/^(127\.0\.0\.1|::1)$/)
      expect(headers['x-real-ip']).toBe(headers['x-forwarded-for'])
      expect(headers).toMatchObject({
        'x-forwarded-host': `localhost:${world().port}`,
        'x-forwarded-proto': 'http',
      })
      expect(headers).not.toHaveProperty('forwarded')
    })

    test('no header for one connection only, also if `Connection` names it', async () => {
      world().handle(echo)
      const seen = seenBehind(
        await fields('/mcp', [
          ['TE', 'trailers'],
          ['Keep-Alive', 'timeout=5'],
          ['Proxy-Authorization', 'Basic eDp5'],
          ['Proxy-Connection', 'keep-alive'],
          ['Connection', 'X-Named, x-lockgate-user-id'],
          ['X-Named', 'forged'],
          ['X-Other', 'kept'],
        ]),
      )
      for (const name of [
        'te',
        'keep-alive',
        'proxy-authorization',
        'proxy-connection',
        'x-named',
        'upgrade',
      ])
        expect(seen.headers).not.toHaveProperty(name)
      expect(seen.headers).toMatchObject({ 'x-other': 'kept', 'x-lockgate-user-id': expect.any(String) })
    })

    test("the client's cookies, and none of the proxy's", async () => {
      world().handle(echo)
      const cookies = 'own=1; __Host-lockgate-consent-x=2; other=3; lockgate-session=4'
      const { headers } = await seenIn(await world().send('/mcp', { headers: { cookie: cookies } }))
      expect(headers.cookie).toBe('own=1; other=3')
      const twice = seenBehind(
        await fields('/mcp', [
          ['Cookie', 'a=1'],
          ['Cookie', '__Host-lockgate-session=2'],
          ['Cookie', 'b=3'],
        ]),
      )
      expect(twice.headers.cookie).toMatch(/^a=1[;,] ?b=3$/)
      expect(JSON.stringify(twice)).not.toContain('lockgate-session')
    })

    test('no request to pack the response', async () => {
      world().handle(echo)
      const { headers } = await seenIn(
        await world().send('/mcp', { headers: { 'accept-encoding': 'gzip, br' } }),
      )
      expect(headers['accept-encoding']).toBe('identity')
    })

    test('the length of a body that has one', async () => {
      world().handle(echo)
      const { headers, body } = await seenIn(
        await world().send('/mcp', { method: 'POST', body: 'x'.repeat(5000) }),
      )
      expect([headers['content-length'], headers['transfer-encoding'], body.length]).toEqual([
        '5000',
        undefined,
        5000,
      ])
    })

    test.each(['GET', 'DELETE', 'HEAD', 'POST'])('no body with a %s that has none', async (method) => {
      let seen: Record<string, unknown> | undefined
      world().handle((request, response) => {
        seen = { method: request.method, ...request.headers }
        request.resume().on('end', () => response.end())
      })
      expect((await world().send('/mcp', { method })).status).toBe(200)
      expect(seen).toMatchObject({ method })
      if (method !== 'POST') expect(seen).not.toHaveProperty('transfer-encoding')
    })

    test('a body although it was announced with `Expect: 100-continue`', async () => {
      world().handle(echo)
      const { port, tokenFor } = world()
      const authorization = `Bearer ${await tokenFor('/mcp')}`
      const body = 'y'.repeat(100_000)
      const answer = await new Promise<string>((resolve, reject) => {
        const headers = { authorization, expect: '100-continue', 'content-length': body.length }
        const sent = httpRequest({ port, path: '/mcp', method: 'POST', headers }, (response) => {
          let text = ''
          response.on('data', (chunk) => {
            text += chunk
          })
          response.on('end', () => resolve(text))
        })
        sent.on('continue', () => sent.end(body))
        sent.on('error', reject)
        sent.flushHeaders()
      })
      const seen = JSON.parse(answer)
      expect(seen.body.length).toBe(100_000)
      expect(seen.headers).not.toHaveProperty('expect')
    })
  })

  describe('the query of a configured URL', () => {
    test.each([
      'key=2',
      'role=admin&key=2',
      'k%65y=2',
      '%6b%65%79=2',
      'key',
      'key[]=2',
      'KEY=2',
      'ke%79%5B%5D=2',
      'x=1;key=2',
      'key%00=2',
      '%20key=2',
      'r%256fle=admin',
    ])('cannot be repeated by ?%s', async (query) => {
      world().handle(echo)
      const { url } = await seenIn(await world().send(`/mcp?${query}`))
      const sent = [...new URLSearchParams(url.slice(url.indexOf('?')).replaceAll(';', '&'))].map(
        ([name, value]) => [
          decodeURIComponent(name)
            .replace(/\[.*|\0.*/s, '')
            .trim()
            .toLowerCase(),
          value,
        ],
      )
      expect(sent.filter(([name]) => name === 'key' || name === 'role')).toEqual([
        ['key', '1'],
        ['role', 'user'],
      ])
    })

    test('is sent with the other parameters of the client', async () => {
      world().handle(echo)
      const { url } = await seenIn(await world().send('/mcp?my_access_token=1&monkey=2&x=&&y'))
      expect(url).toBe('/inner?key=1&role=user&my_access_token=1&monkey=2&x=&y')
    })
  })

  describe('a request is refused and not forwarded', () => {
    async function refused(text: string): Promise<string> {
      let forwarded = 0
      world().handle((_request, response) => {
        forwarded++
        response.end()
      })
      const answer = await world().raw(text)
      expect(forwarded).toBe(0)
      return answer.split('\r\n', 1)[0]!
    }
    const line = async (first: string, host = `Host: localhost:${world().port}`) =>
      `${[first, host, `Authorization: Bearer ${await world().tokenFor('/mcp')}`, 'Connection: close']
        .filter(Boolean)
        .join('\r\n')}\r\n\r\n`

    test.each([
      '/mcp/..%2fadmin',
      ...(repairs ? [] : ['/mcp/%2e%2e/x', '/mcp/../x', '/mcp/./x']),
      '/mcp/%61dmin',
      '/mcp/ADMIN',
      '/mcp//admin',
      '/mcp/admin;x',
      '/mcp/admin%2fx',
      '/mcp/x/..%2fadmin',
      '/mcp/admin%5cx',
      '/mcp/%00',
      '/mcp/%zz',
      '/mcp/%c0%af',
      '/..%2ftoken',
    ])('at %s', async (path) => {
      expect(await refused(await line(`GET ${path} HTTP/1.1`))).toMatch(/^HTTP\/1\.1 400/)
    })

    test('with a target that is not ASCII', async () => {
      const text = Buffer.from(await line('GET /mcp/caf\u00e9 HTTP/1.1'), 'latin1')
      const answer = await world().raw(text as unknown as string)
      expect(answer).toMatch(/^HTTP\/1\.1 400/)
    })

    test.each(['localhost\\mcp\\admin?', 'localhost/mcp?', 'a@localhost', 'localhost#', 'local host', ''])(
      'with the host %j',
      async (host) => {
        expect(await refused(await line('GET /mcp HTTP/1.1', `Host: ${host}`))).toMatch(/^HTTP\/1\.1 400/)
      },
    )

    // A server that repairs requests puts a host of its own there.
    if (!repairs) {
      test('without a host', async () => {
        expect(await refused(await line('GET /mcp HTTP/1.0', ''))).toMatch(/^HTTP\/1\.\d 400/)
      })
    }

    test.each(['TRACE', 'PURGE', 'PROPFIND', 'QUERY', 'PUT', 'PATCH', 'LOCK'])(
      'with the method %s',
      async (method) => {
        // A runtime may refuse a method itself that it does not know.
        expect(await refused(await line(`${method} /mcp HTTP/1.1`))).toMatch(/^HTTP\/1\.1 (405|400|501)/)
      },
    )

    test('with a second token in the query, however its name is spelled', async () => {
      for (const query of [
        'access_token=x',
        'a=1&access%5Ftoken=x',
        '%61ccess_token',
        'a=1;access_token=x',
      ]) {
        expect(await refused(await line(`GET /mcp?${query} HTTP/1.1`)), query).toMatch(/^HTTP\/1\.1 400/)
      }
    })

    test('with another token than that of its server', async () => {
      expect(await refused(await line('GET /plain HTTP/1.1'))).toMatch(/^HTTP\/1\.1 401/)
    })
  })

  test('an absolute target is read like any other', async () => {
    const { port, raw, tokenFor, handle } = world()
    handle(echo)
    const rest = `Host: localhost:${port}\r\nAuthorization: Bearer ${await tokenFor('/mcp')}\r\nConnection: close\r\n\r\n`
    expect(await raw(`GET http://localhost:${port}/mcp/x HTTP/1.1\r\n${rest}`)).toContain('"url":"/inner/x?')
    expect(await raw(`GET http://localhost:${port}\\mcp/x HTTP/1.1\r\n${rest}`)).toMatch(/^HTTP\/1\.1 400/)
  })

  test('an upload reaches the MCP server while it is still being sent', async () => {
    const arrivals: string[] = []
    let proceed: () => void = () => {}
    world().handle((request, response) => {
      request.on('data', (chunk: Buffer) => {
        arrivals.push(chunk.toString())
        proceed()
      })
      request.on('end', () => response.end('done'))
    })
    const encoder = new TextEncoder()
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode('first'))
        // The rest is sent only once the beginning has arrived at the MCP server.
        await new Promise<void>((resolve) => {
          proceed = resolve
        })
        controller.enqueue(encoder.encode('second'))
        controller.close()
      },
    })
    const response = await world().send('/mcp', { method: 'POST', body, duplex: 'half' })
    expect(await response.text()).toBe('done')
    expect(arrivals).toEqual(['first', 'second'])
  })
}
