import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type NodeServer, serve } from 'lockgate/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { connect, type System, startSystem } from '../support/system.ts'

/** A server behind the proxy that does what a test tells it. */
let behind: { url: string; close(): void }
let handle: (request: IncomingMessage, response: ServerResponse) => void
let system: System
let server: NodeServer
let token: string

async function start(options: Parameters<typeof startSystem>[0] = {}) {
  const port = await freePort()
  system = await startSystem({
    url: `http://localhost:${port}`,
    mcp: { url: `${behind.url}/inner?key=1`, path: '/mcp' },
    ...options,
  })
  server = await serve(system.proxy, { port })
  token = (await connect(system, { login: 'ada' })).tokens.access_token
}

beforeEach(async () => {
  const http = createServer((request, response) => handle(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  behind = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () => {
      http.closeAllConnections()
      http.close()
    },
  }
})
afterEach(async () => {
  behind.close()
  await Promise.all([server.close(true), system.close()])
})

const send = (init: RequestInit & { duplex?: 'half' } = {}, path = '/mcp') =>
  fetch(system.url + path, {
    method: 'POST',
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  })

const echo = (request: IncomingMessage, response: ServerResponse) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    response.setHeader('mcp-session-id', 'from behind')
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    )
  })
}

interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

describe('what the server behind sees', () => {
  test('who the user is, and nothing of the client’s credentials', async () => {
    await start()
    handle = echo
    const response = await send({
      body: '{"a":1}',
      headers: {
        'content-type': 'application/json',
        'mcp-protocol-version': '2025-11-25',
        'mcp-method': 'tools/call',
        'mcp-param-x': 'kept',
        'x-lockgate-user-id': 'forged',
        'x-lockgate-anything': 'forged',
        cookie: 'own=1; __Host-lockgate-consent-x=2; other=3',
        te: 'trailers',
      },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('mcp-session-id'), 'a sealed session').toMatch(/^[\w-]{60,}$/)
    const { method, url, headers, body } = (await response.json()) as Echo
    expect([method, url, body]).toEqual(['POST', '/inner?key=1', '{"a":1}'])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
      'mcp-method': 'tools/call',
      'mcp-param-x': 'kept',
      'x-lockgate-user-id': expect.stringMatching(/^[\w-]{22}$/),
      'x-lockgate-user-email': 'ada@example.com',
      'x-lockgate-user-name': 'Name of ada',
      'x-lockgate-client-name': 'Test client',
      'x-lockgate-scope': 'mcp',
      'x-forwarded-host': new URL(system.url).host,
      'x-forwarded-proto': 'http',
      host: new URL(behind.url).host,
    })
    expect(headers.cookie).toBe('own=1; other=3')
    for (const name of ['authorization', 'te', 'x-lockgate-anything'])
      expect(headers).not.toHaveProperty(name)
    expect(JSON.stringify(headers)).not.toContain(token)
  })

  test('the provider’s token, where that is asked for', async () => {
    await start({ mcp: { url: behind.url, path: '/mcp', forward: 'upstream-token' } })
    handle = echo
    const { headers } = (await (await send()).json()) as Echo
    expect(headers.authorization).toMatch(/^Bearer .{20,}$/)
    expect(headers.authorization).not.toContain(token)
    expect(headers['x-lockgate-user-email']).toBe('ada@example.com')
  })

  test('another token of the provider, once it has refused the one before: the client asks again', async () => {
    await start({ mcp: { url: behind.url, path: '/mcp', forward: 'upstream-token' } })
    let refused: string | undefined
    handle = (request, response) => {
      refused ??= request.headers.authorization
      if (request.headers.authorization !== refused) return echo(request, response)
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end('secrets of the inside')
    }
    expect([(await send()).status, system.events.at(-1)?.code], 'it is too young to be over').toEqual([
      502,
      'bad_gateway',
    ])
    system.clock.ahead += 90
    const response = await send()
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(response.headers.get('www-authenticate')).not.toContain('inner')
    expect(await response.text()).not.toContain('secrets')
    const { headers } = (await (await send()).json()) as Echo
    expect(headers.authorization).not.toBe(refused)
  })

  test('nothing at all, where that is asked for', async () => {
    await start({ mcp: { url: behind.url, path: '/mcp', forward: 'nothing' } })
    handle = echo
    const { headers } = (await (await send({ headers: { 'x-lockgate-user-id': 'forged' } })).json()) as Echo
    expect(
      Object.keys(headers).filter((name) => name.startsWith('x-lockgate') || name === 'authorization'),
    ).toEqual([])
  })

  test('paths and queries below its own, but no parameter of its own a second time', async () => {
    await start()
    handle = echo
    const { url } = (await (await send({}, '/mcp/deep/er?x=%20y&key=2')).json()) as Echo
    expect(url).toBe('/inner/deep/er?key=1&x=%20y')
  })
})

describe('streams', () => {
  test('events arrive one by one, as they are sent', async () => {
    await start()
    handle = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let count = 0
      const timer = setInterval(() => {
        response.write(`data: ${count}\n\n`)
        if (++count === 5) {
          clearInterval(timer)
          response.end()
        }
      }, 100)
    }
    const started = Date.now()
    const response = await send()
    const reader = response.body!.getReader()
    const arrivals: number[] = []
    for (;;) {
      const { done } = await reader.read()
      if (done) break
      arrivals.push(Date.now() - started)
    }
    expect(arrivals.length).toBe(5)
    expect(arrivals[0]).toBeLessThan(arrivals[4]! - 250)
  })

  test('a request’s body reaches the server behind while it is still being sent', async () => {
    await start()
    const arrivals: string[] = []
    let finish: () => void = () => {}
    handle = (request, response) => {
      request.on('data', (chunk: Buffer) => {
        arrivals.push(chunk.toString())
        finish()
      })
      request.on('end', () => response.end('done'))
    }
    const encoder = new TextEncoder()
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode('first'))
        // The second part is sent only once the first has arrived at the far end.
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        controller.enqueue(encoder.encode('second'))
        controller.close()
      },
    })
    const response = await send({ body, duplex: 'half' })
    expect(await response.text()).toBe('done')
    expect(arrivals).toEqual(['first', 'second'])
  })

  test('a client that goes away ends the request behind', async () => {
    await start()
    const closed = new Promise<void>((resolve) => {
      handle = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: 0\n\n')
        response.on('close', resolve)
      }
    })
    const abort = new AbortController()
    const response = await send({ signal: abort.signal })
    await response.body!.getReader().read()
    abort.abort()
    await closed
  })
})

describe('a server behind that', () => {
  test('is not there is 502, and no challenge', async () => {
    await start({ mcp: { url: 'http://127.0.0.1:9/mcp' } })
    const response = await send()
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([502, null])
  })

  test('refuses the proxy is 502, and no challenge', async () => {
    await start()
    handle = (_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="inner"' }).end()
    const response = await send()
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([502, null])
    expect(system.events.at(-1)).toMatchObject({
      code: 'bad_gateway',
      reason: 'mcp-server-unauthorized',
    })
  })

  test('redirects is passed on, not followed', async () => {
    await start()
    handle = (_request, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()
    const response = await send({ redirect: 'manual' })
    expect(response.status).toBe(307)
  })

  test.each([
    [307, (origin: string) => `${origin}/inner/`],
    [308, (origin: string) => `${origin}/inner/`],
    [307, () => '/inner/'],
  ])('moves to a slash at its own address is followed there with the body (%i)', async (status, to) => {
    await start()
    handle = (request, response) => {
      if (request.url!.startsWith('/inner/')) echo(request, response)
      else response.writeHead(status, { location: to(behind.url) }).end()
    }
    const response = await send({ body: '{"a":1}' })
    expect(response.status).toBe(200)
    const seen = (await response.json()) as Echo
    expect([seen.method, seen.url, seen.body]).toEqual(['POST', '/inner/?key=1', '{"a":1}'])
    expect(response.redirected).toBe(false)
  })

  test.each<[number, string, number, string | null]>([
    [302, 'INNER/inner/x?a=1', 302, 'PUBLIC/mcp/x?a=1'],
    [303, '/inner/x', 303, 'PUBLIC/mcp/x'],
    [300, 'INNER/inner/x', 300, 'PUBLIC/mcp/x'],
    [301, 'inner/', 301, 'PUBLIC/mcp/'],
    [302, './inner/x/../y', 302, 'PUBLIC/mcp/y'],
    [302, '?a=1', 302, 'PUBLIC/mcp?a=1'],
    [302, '//HOST/inner/x', 302, 'PUBLIC/mcp/x'],
    [302, 'https://HOST/inner/x', 302, 'PUBLIC/mcp/x'],
    [302, 'https://NAME/inner/x#part', 302, 'PUBLIC/mcp/x#part'],
    [201, '/inner/x', 201, 'PUBLIC/mcp/x'],
    [302, '../', 502, null],
    [302, '/inner/%2e%2e/secret', 502, null],
    [302, '//other.example/inner/', 302, '//other.example/inner/'],
    [307, 'INNER/innermost', 502, null],
    [307, 'INNER/', 502, null],
    [307, 'https://other.example/inner/', 307, 'https://other.example/inner/'],
  ])(
    'moves with %i to %s gives %i to the client, with its own address never',
    async (moved, to, status, location) => {
      await start()
      const { host, hostname } = new URL(behind.url)
      const at = (text: string) =>
        text.replace('INNER', behind.url).replace('HOST', host).replace('NAME', hostname)
      handle = (_request, response) => response.writeHead(moved, { location: at(to) }).end()
      const response = await send({ redirect: 'manual', body: '{}' })
      expect(response.status).toBe(status)
      expect(response.headers.get('location')).toBe(location?.replace('PUBLIC', system.url) ?? null)
      expect(JSON.stringify([...response.headers])).not.toContain(behind.url)
    },
  )

  test('is asked at the configured path exactly, with its slash or without', async () => {
    for (const path of ['/inner/', '/inner']) {
      await start({ mcp: { url: behind.url + path, path: '/mcp' } })
      handle = echo
      expect(((await (await send({ body: '{}' })).json()) as Echo).url).toBe(path)
      await Promise.all([server.close(true), system.close()])
    }
    await start()
  })

  test('packs its answers is understood all the same', async () => {
    await start()
    const { gzipSync } = await import('node:zlib')
    handle = (_request, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
        .end(gzipSync('unpacked'))
    expect(await (await send()).text()).toBe('unpacked')
  })
})
