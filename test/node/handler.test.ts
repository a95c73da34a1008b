import { once } from 'node:events'
import { connect, createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientAddress, serve, toNodeHandler } from 'lockgate/node'
import { afterEach, describe, expect, test } from 'vitest'
import { raw } from './raw.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Serves one handler, which gets every request as a `Request`. */
async function start(
  handle: (request: Request, native: unknown) => Response | Promise<Response>,
): Promise<string> {
  const served = await serve({ fetch: async (request, native) => handle(request, native) }, { port: 0 })
  closing.push(() => served.close(true))
  return served.url.slice(0, -1)
}

const post = (url: string, body: BodyInit = '{"a":"ü"}', headers: HeadersInit = {}) =>
  fetch(url, { method: 'POST', body, headers })

describe('a handler gets a request', () => {
  test('that it can read in every way', async () => {
    const url = await start(async (request) => {
      const { pathname, searchParams } = new URL(request.url)
      const read: Record<string, () => Promise<unknown>> = {
        '/text': () => request.text(),
        '/json': () => request.json(),
        '/bytes': async () => [...new Uint8Array(await request.arrayBuffer())],
        '/blob': async () => (await request.blob()).size,
        '/form': async () => Object.fromEntries(await request.formData()),
        '/clone': async () => [await request.clone().text(), await request.text()],
        '/stream': async () => {
          let text = ''
          const decoder = new TextDecoder()
          for await (const chunk of request.body!) text += decoder.decode(chunk, { stream: true })
          return text
        },
      }
      const { method, headers } = request
      return Response.json({
        read: await read[pathname]!(),
        used: request.bodyUsed,
        about: [method, searchParams.get('q'), headers.get('x-a'), headers.get('nothing')],
        real: request instanceof Request,
      })
    })
    const about = ['POST', '1', 'b', null]
    const answer = async (path: string, body?: BodyInit) =>
      (await post(`${url}${path}?q=1`, body, { 'x-a': 'b' })).json()
    const text = '{"a":"ü"}'
    for (const [path, read] of [
      ['/text', text],
      ['/json', { a: 'ü' }],
      ['/bytes', [...Buffer.from(text)]],
      ['/blob', Buffer.from(text).length],
      ['/stream', text],
      ['/clone', [text, text]],
    ] as const) {
      expect(await answer(path), path).toEqual({ read, used: true, about, real: true })
    }
    expect(await answer('/form', new URLSearchParams({ b: 'c' }))).toMatchObject({ read: { b: 'c' } })
  })

  test('that it can copy, change, and fetch with', async () => {
    const far = await start(async (request) =>
      Response.json([
        request.method,
        request.headers.get('x-a'),
        request.headers.get('x-b'),
        await request.text(),
      ]),
    )
    const url = await start((request) => {
      const headers = new Headers(request.headers)
      headers.set('x-b', 'added')
      const { pathname } = new URL(request.url)
      if (pathname === '/copy') return fetch(new Request(far, new Request(request, { headers })))
      if (pathname === '/init') return fetch(far, { ...init(request), headers })
      return fetch(new Request(new Request(far), request))
    })
    const init = ({ method, body, signal }: Request): RequestInit & { duplex: 'half' } => ({
      method,
      body,
      signal,
      duplex: 'half',
    })
    for (const [path, added] of [
      ['/copy', 'added'],
      ['/init', 'added'],
      ['/plain', null],
    ]) {
      const response = await post(url + path, 'body', { 'x-a': 'b' })
      expect(await response.json(), String(path)).toEqual(['POST', 'b', added, 'body'])
    }
  })

  test('without a body, when there is none', async () => {
    const url = await start(async (request) =>
      Response.json([request.method, request.body === null, await request.text()]),
    )
    for (const method of ['GET', 'DELETE', 'POST']) {
      expect(await (await fetch(url, { method })).json()).toEqual([method, true, ''])
    }
  })

  test('whose body can be read once', async () => {
    const url = await start(async (request) => {
      await request.text()
      const errors: string[] = []
      for (const again of [() => request.text(), () => request.json(), async () => new Request(request)]) {
        await again().catch((error: Error) => errors.push(error.name))
      }
      return Response.json([request.bodyUsed, request.method, request.headers.get('x-a'), errors])
    })
    const response = await post(url, 'body', { 'x-a': 'b' })
    expect(await response.json()).toEqual([true, 'POST', 'b', ['TypeError', 'TypeError', 'TypeError']])
  })

  test('that is not JSON, and then tells so', async () => {
    const url = await start((request) =>
      request.json().then(
        () => new Response('read'),
        (error: Error) => new Response(error.name),
      ),
    )
    expect(await (await post(url, '{')).text()).toBe('SyntaxError')
  })

  test('with the peer’s address beside it', async () => {
    const url = await start((request, native) => new Response(clientAddress(request, native)))
    expect(await (await fetch(url)).text()).toBe('127.0.0.1')
  })

  test('whose signal tells that the client has left, and so does that of its copy', async () => {
    const gone: string[] = []
    const url = await start(async (request) => {
      const { pathname } = new URL(request.url)
      const { signal } = pathname === '/copy' ? new Request(request) : request
      signal.addEventListener('abort', () => gone.push(pathname))
      await sleep(5000, undefined, { signal }).catch(() => {})
      return new Response('late')
    })
    for (const path of ['/own', '/copy']) {
      const abort = new AbortController()
      const sent = fetch(url + path, { method: 'POST', body: 'a', signal: abort.signal })
      await sleep(100)
      abort.abort()
      await sent.catch(() => {})
      await expect.poll(() => gone).toContain(path)
    }
  })

  test('whose body fails when the client leaves in the middle of it', async () => {
    const errors: string[] = []
    const url = await start(async (request) => {
      await request.text().catch((error: Error) => errors.push(error.message))
      return new Response()
    })
    const client = await raw(url)
    client.write('POST / HTTP/1.1', 'host: a', 'content-length: 10', '', 'half')
    await sleep(100)
    client.socket.destroy()
    await expect.poll(() => errors).toEqual(['aborted'])
  })

  test('and a client that waits for 100 Continue sends its body when the handler reads it', async () => {
    const url = await start(async (request) => {
      if (new URL(request.url).pathname === '/read') return new Response(await request.text())
      return new Response('not read', { status: 403 })
    })
    for (const [path, text] of [
      ['/read', 'hello'],
      ['/leave', 'not read'],
    ]) {
      const client = await raw(url)
      client.write(`POST ${path} HTTP/1.1`, 'host: a', 'content-length: 5', 'expect: 100-continue', '', '')
      if (path === '/read') await client.until('HTTP/1.1 100 Continue')
      if (path === '/read') client.write('hello')
      await client.until(text!)
      if (path === '/leave') await client.closed()
    }
  })
})

describe('a response of a handler', () => {
  test('in one piece has a length, in several it is sent as they come', async () => {
    const url = await start((request) => {
      if (request.url.endsWith('/one')) return new Response('one piece')
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(Buffer.from('first'))
            await sleep(300)
            controller.enqueue(Buffer.from('second'))
            controller.close()
          },
        }),
      )
    })
    const one = await fetch(`${url}/one`)
    expect([one.headers.get('content-length'), await one.text()]).toEqual(['9', 'one piece'])
    const several = await fetch(`${url}/several`)
    const reader = several.body!.getReader()
    const began = performance.now()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
    expect(performance.now() - began).toBeLessThan(250)
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('second')
  })

  test('keeps bytes, status and repeated headers', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    const url = await start(
      () =>
        new Response(bytes, {
          status: 418,
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        }),
    )
    const response = await fetch(url)
    expect(response.status).toBe(418)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes)
  })

  test('has no body for HEAD, 204 and 304', async () => {
    const url = await start(({ method, url }) => {
      const status = Number(new URL(url).pathname.slice(1))
      return new Response(method === 'HEAD' ? 'dropped' : null, { status })
    })
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      const response = await fetch(`${url}/${status}`, { method })
      expect([response.status, await response.text()]).toEqual([status, ''])
    }
  })

  test('that fails in the middle cuts the connection, and one that is thrown is 500', async () => {
    const url = await start((request) => {
      if (request.url.endsWith('/throw')) throw new Error('thrown')
      let sent = false
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await sleep(20)
            if (sent) controller.error(new Error('in the middle'))
            else controller.enqueue(Buffer.from('half'))
            sent = true
          },
        }),
      )
    })
    expect((await fetch(`${url}/throw`)).status).toBe(500)
    await expect((await fetch(url)).text()).rejects.toThrow()
  })

  test('is slowed down by a slow reader', async () => {
    let sent = 0
    const url = await start(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent += 100_000
              controller.enqueue(Buffer.alloc(100_000))
            },
          }),
        ),
    )
    const abort = new AbortController()
    await fetch(url, { signal: abort.signal })
    await sleep(300)
    const soFar = sent
    await sleep(300)
    expect(sent).toBe(soFar)
    abort.abort()
  })
})

test('a request over HTTP/2 is 505, and says what to do', async () => {
  let handled = 0
  const handle = toNodeHandler({
    fetch: async () => {
      handled++
      return new Response('x')
    },
  })
  const server = createServer((request, response) => handle(request as never, response as never))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  closing.push(async () => {
    session.close()
    server.close()
  })
  const request = session.request({ ':method': 'POST', ':path': '/mcp' }).end('{}')
  const [headers] = (await once(request, 'response')) as [IncomingHttpHeaders]
  expect(headers[':status']).toBe(505)
  expect(String(await request.setEncoding('utf8').toArray())).toContain('HTTP/1.1')
  expect(handled).toBe(0)
})
