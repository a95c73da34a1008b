import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { echo, seenIn, type World } from './world.ts'

/** What of a response reaches the client. */
export function responseRules(world: () => World): void {
  describe('the client gets', () => {
    test('status, headers and body', async () => {
      world().handle((_request, response) => {
        response.writeHead(418, { 'x-from': 'behind', 'mcp-session-id': 's-1', 'content-type': 'text/plain' })
        response.end('a body')
      })
      const response = await world().send('/mcp')
      expect([
        response.status,
        response.headers.get('x-from'),
        // The client gets an id that only its user can use.
        /^s-1$|^$/.test(response.headers.get('mcp-session-id') ?? ''),
      ]).toEqual([418, 'behind', false])
      expect(await response.text()).toBe('a body')
    })

    test.each([200, 201, 202, 204, 205, 206, 304, 400, 404, 409, 500, 503])(
      'the status %i',
      async (status) => {
        world().handle((_request, response) => response.writeHead(status, { 'x-from': 'behind' }).end())
        const response = await world().send('/mcp')
        expect([response.status, response.headers.get('x-from'), await response.text()]).toEqual([
          status,
          'behind',
          '',
        ])
      },
    )

    test('the length of a body that has one', async () => {
      world().handle((_request, response) => response.end('x'.repeat(1000)))
      const response = await world().send('/mcp')
      expect([response.headers.get('content-length'), (await response.text()).length]).toEqual(['1000', 1000])
    })

    test('the headers of a HEAD request without a body', async () => {
      world().handle((_request, response) =>
        response.writeHead(200, { 'content-length': 77, etag: '"1"' }).end(),
      )
      const response = await world().send('/mcp', { method: 'HEAD' })
      expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([200, '"1"', ''])
    })

    test('no header for one connection only', async () => {
      world().handle((_request, response) => {
        response.writeHead(200, {
          connection: 'close, x-named',
          'x-named': 'inner',
          'proxy-authenticate': 'Basic',
          'keep-alive': 'timeout=7',
          'alt-svc': 'h3=":443"',
          'x-other': 'kept',
        })
        response.end()
      })
      const { headers } = await world().send('/mcp')
      for (const name of ['x-named', 'proxy-authenticate', 'alt-svc'])
        expect(headers.has(name), name).toBe(false)
      expect(headers.get('keep-alive')).not.toBe('timeout=7')
      expect(headers.get('x-other')).toBe('kept')
    })

    test("the MCP server's cookies, but none that the proxy would read", async () => {
      world().handle((_request, response) => {
        const cookies = [
          'a=1',
          '__Host-lockgate-session=planted; Path=/',
          'lockgate-sign-in-x=1',
          'b=2; Path=/',
        ]
        response.writeHead(200, { 'set-cookie': cookies }).end()
      })
      expect((await world().send('/mcp')).headers.getSetCookie()).toEqual(['a=1', 'b=2; Path=/'])
    })

    test('permission to read it, if a page of an allowed origin called', async () => {
      world().handle((_request, response) => response.writeHead(200, { vary: 'Accept' }).end('{}'))
      const { headers } = await world().send('/mcp', { headers: { origin: 'http://localhost:6274' } })
      expect(headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
      expect(headers.get('access-control-expose-headers')).toMatch(/Mcp-Session-Id/)
      expect(headers.get('vary')).toBe('Accept, Origin')
    })

    test('what the MCP server itself says about origins', async () => {
      world().handle((_request, response) =>
        response.writeHead(200, { 'access-control-allow-origin': '*' }).end(),
      )
      const { headers } = await world().send('/mcp', { headers: { origin: 'http://localhost:6274' } })
      expect(headers.get('access-control-allow-origin')).toBe('*')
    })
  })

  describe('a packed response can be read by the client, although none was requested:', () => {
    const TEXT = JSON.stringify({ answer: 'unpacked '.repeat(50) })
    const PACKED: Record<string, Buffer> = {
      gzip: gzipSync(TEXT),
      'x-gzip': gzipSync(TEXT),
      deflate: deflateSync(TEXT),
      br: brotliCompressSync(TEXT),
    }

    test.each(Object.keys(PACKED))('%s', async (coding) => {
      world().handle((_request, response) => {
        response.writeHead(200, { 'content-encoding': coding, 'content-type': 'application/json' })
        response.end(PACKED[coding])
      })
      expect(await (await world().send('/mcp')).text()).toBe(TEXT)
    })

    test('zstd passes through as it is, where the runtime does not know it', async () => {
      const bytes = Buffer.from('KLUv/QQAKQAAaGVsbG8qbH8R', 'base64')
      world().handle((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'zstd', 'content-type': 'text/plain' }).end(bytes)
      })
      const { port, tokenFor, raw } = world()
      const head = `GET /mcp HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${await tokenFor('/mcp')}`
      const answer = await raw(`${head}\r\nConnection: close\r\n\r\n`)
      const isPacked = /\r\ncontent-encoding: zstd\r\n/i.test(answer)
      expect(answer.includes(isPacked ? bytes.toString('latin1') : 'hello')).toBe(true)
    })

    test('a packed event stream arrives event by event', async () => {
      const { createGzip, constants } = await import('node:zlib')
      world().handle((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/event-stream' })
        const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
        gzip.pipe(response)
        gzip.write('data: first\n\n')
      })
      const response = await world().send('/mcp', { method: 'POST', body: '{}' })
      const { value } = await response.body!.getReader().read()
      expect(new TextDecoder().decode(value)).toBe('data: first\n\n')
    })
  })

  describe('a redirect of the MCP server', () => {
    const redirect = (location: string, status = 302) =>
      world().handle((_request, response) => response.writeHead(status, { location }).end())
    const locationOf = async (path = '/mcp/x') => {
      const response = await world().send(path)
      return [response.status, response.headers.get('location')]
    }

    test.each([
      ['/inner/y?a=1', '/mcp/y?a=1'],
      ['y', '/mcp/y'],
      ['./y#part', '/mcp/y#part'],
      ['../inner/y', '/mcp/y'],
      ['?a=1', '/mcp/x?a=1'],
      ['INNER/inner/y', '/mcp/y'],
      ['HTTPS/inner/y', '/mcp/y'],
      ['//HOST/inner/y', '/mcp/y'],
      ['\\\\HOST\\inner\\y', '/mcp/y'],
      [' INNER/inner/y ', '/mcp/y'],
      ['INNER/inner', '/mcp'],
      ['INNER/inner/', '/mcp/'],
      ['INNER/inner/admin/y', '/mcp/admin/y'],
      ['INNER/slash/y', '/slash/y'],
      ['/inner/y?key=1&a=2&role=user', '/mcp/y?a=2'],
    ])('to %s gets the public address %s', async (to, shown) => {
      const { inner, system } = world()
      const { host } = new URL(inner)
      redirect(to.replace('INNER', inner).replace('HTTPS', `https://${host}`).replace('HOST', host))
      expect(await locationOf()).toEqual([302, system.url + shown])
    })

    test.each([
      '/other',
      'INNER/other/x',
      '/inner/../other',
      '//HOST/',
      'INNER/innermost',
      '/inner/a%2fb',
      'http://[x',
    ])('to %s, which no configured path leads to, is 502 without a word of it', async (to) => {
      const { inner } = world()
      redirect(to.replace('INNER', inner).replace('HOST', new URL(inner).host))
      const response = await world().send('/mcp/x')
      expect([response.status, response.headers.get('location')]).toEqual([502, null])
      expect(await response.text()).not.toContain(new URL(inner).port)
      expect(world().system.events.at(-1)).toMatchObject({ reason: 'mcp-server-redirects' })
    })

    test('to another host passes unchanged', async () => {
      redirect('https://example.com/inner?x=1')
      expect(await locationOf()).toEqual([302, 'https://example.com/inner?x=1'])
      redirect('//example.com/inner')
      expect(await locationOf()).toEqual([302, '//example.com/inner'])
    })

    test('to the public address passes unchanged', async () => {
      const there = `${world().system.url}/mcp/z`
      redirect(there)
      expect(await locationOf()).toEqual([302, there])
    })

    test.each([307, 308])(
      'with %i is followed with its method and body, if that is small',
      async (status) => {
        let requests = 0
        world().handle((request, response) => {
          requests++
          if (request.url?.startsWith('/inner/there')) return echo(request, response)
          request.resume()
          response.writeHead(status, { location: `${world().inner}/inner/there?from=here` }).end()
        })
        const response = await world().send('/mcp', { method: 'POST', body: '{"a":1}' })
        if (response.status === 200) {
          const { method, url, body } = await seenIn(response)
          expect([method, url, body]).toEqual(['POST', '/inner/there?key=1&role=user&from=here', '{"a":1}'])
          expect(requests).toBe(2)
        } else {
          // A carrier that keeps no body lets the client follow.
          expect([response.status, response.headers.get('location')]).toEqual([
            status,
            `${world().system.url}/mcp/there?from=here`,
          ])
        }
      },
    )

    test('with 307 is not followed to a server that needs other scopes', async () => {
      let asked = false
      world().handle((request, response) => {
        if (request.url?.startsWith('/inner/admin')) asked = true
        response.writeHead(307, { location: '/inner/admin' }).end()
      })
      const response = await world().send('/mcp', { method: 'POST', body: '{}' })
      expect([response.status, response.headers.get('location'), asked]).toEqual([
        307,
        `${world().system.url}/mcp/admin`,
        false,
      ])
    })

    test('with 307 and a large body goes to the client', async () => {
      redirect('/inner/there', 307)
      const response = await world().send('/mcp', { method: 'POST', body: 'x'.repeat(300_000) })
      expect([response.status, response.headers.get('location')]).toEqual([
        307,
        `${world().system.url}/mcp/there`,
      ])
    })

    test('to itself ends', async () => {
      let requests = 0
      world().handle((_request, response) => {
        requests++
        response.writeHead(307, { location: '/inner' }).end()
      })
      expect((await world().send('/mcp', { method: 'POST', body: '{}' })).status).toBe(307)
      expect(requests).toBeLessThan(6)
    })

    test('in a header of another status is translated, or dropped', async () => {
      redirect('/inner/made', 201)
      expect(await locationOf()).toEqual([201, `${world().system.url}/mcp/made`])
      redirect('/other/made', 201)
      expect(await locationOf()).toEqual([201, null])
      world().handle((_request, response) =>
        response.writeHead(200, { 'content-location': '/inner/doc' }).end(),
      )
      expect((await world().send('/mcp')).headers.get('content-location')).toBe(
        `${world().system.url}/mcp/doc`,
      )
    })
  })

  describe('a refusal of the MCP server', () => {
    test('with 407 is 502: its client is the proxy', async () => {
      world().handle((_request, response) =>
        response.writeHead(407, { 'proxy-authenticate': 'Basic realm="inner"' }).end('secrets'),
      )
      const response = await world().send('/mcp')
      expect([response.status, response.headers.get('proxy-authenticate')]).toEqual([502, null])
      expect(await response.text()).not.toContain('secrets')
    })

    test('with 401 is 502, without its challenge', async () => {
      world().handle((_request, response) =>
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end('secrets'),
      )
      const response = await world().send('/mcp')
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([502, null])
      expect(await response.text()).not.toContain('secrets')
      expect(world().system.events.at(-1)).toMatchObject({
        code: 'bad_gateway',
        reason: 'mcp-server-unauthorized',
      })
    })

    test('of the provider’s token with 401 gets another one, and makes the client send again', async () => {
      world().system.clock.ahead += 90
      let refused: string | undefined
      world().handle((request, response) => {
        refused ??= request.headers.authorization
        if (request.headers.authorization !== refused) return echo(request, response)
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end()
      })
      const response = await world().send('/upstream')
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/error="invalid_token"/)
      expect(response.headers.get('www-authenticate')).not.toContain('inner')
      expect((await seenIn(await world().send('/upstream'))).headers.authorization).not.toBe(refused)
    })

    test.each([
      ['Bearer error="insufficient_scope", scope="admin", resource_metadata="http://inner.test/x"', 'admin'],
      ['bearer scope="mcp admin",error=insufficient_scope', 'mcp admin'],
      ['Bearer error="insufficient_scope", scope="inner:only"', 'mcp'],
    ])('with 403 and %s names our metadata', async (challenge, scope) => {
      world().handle((_request, response) => response.writeHead(403, { 'www-authenticate': challenge }).end())
      const response = await world().send('/mcp')
      const { system } = world()
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([
        403,
        `Bearer error="insufficient_scope", scope="${scope}", resource_metadata="${system.url}/.well-known/oauth-protected-resource/mcp"`,
      ])
    })

    test('with any other challenge loses it', async () => {
      world().handle((_request, response) =>
        response
          .writeHead(403, { 'www-authenticate': 'Bearer resource_metadata="http://inner.test/x"' })
          .end('no'),
      )
      const response = await world().send('/mcp')
      expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
        403,
        null,
        'no',
      ])
    })
  })
}
