import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { createProxy, type ProxyOptions } from 'lockgate'
import { clientAddress, fetch as patientFetch, serve, toNodeHandler } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { afterEach, describe, expect, test } from 'vitest'
import { startStreamServer } from './stream-server.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const proxyAt = (url: string, mcp: ProxyOptions['mcp'] = () => new Response()) =>
  createProxy({
    url,
    secret: 'a secret of the tests, long enough to be one',
    upstream: oidc({ issuer: 'https://id.example.com', clientId: 'proxy', clientSecret: 'secret' }),
    storage: memory(),
    mcp,
  })

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a stream is open before its first event', async () => {
  const headers = { 'content-type': 'text/event-stream' }
  const silent = { fetch: async () => new Response(new ReadableStream(), { status: 202, headers }) }
  const served = await serve(silent, { port: 0 })
  closing.push(() => served.close(true))
  for (const url of [served.url, await listen(toNodeHandler(silent))]) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    expect([response.status, response.headers.get('content-type')]).toEqual([202, 'text/event-stream'])
    await response.body?.cancel()
  }
})

describe('toNodeHandler', () => {
  test('answers in Express, mounted at the top or at the base path of the proxy', async () => {
    const app = express()
    const inside = toNodeHandler(proxyAt('https://mcp.example.com/gate'))
    app.get('/hello', (_request, response) => void response.send('hello'))
    app.use('/gate', inside)
    app.use(toNodeHandler(proxyAt('https://mcp.example.com')))
    const base = await listen(app)
    expect(await (await fetch(`${base}/hello`)).text()).toBe('hello')
    const refused = await fetch(`${base}/gate/mcp`, { method: 'POST', body: '{}' })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain(
      '/.well-known/oauth-protected-resource/gate/mcp',
    )
    const registered = await fetch(`${base}/gate/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:5555/callback'] }),
    })
    expect(registered.status).toBe(201)
    const metadata = await fetch(`${base}/.well-known/oauth-authorization-server`)
    expect(await metadata.json()).toMatchObject({ issuer: 'https://mcp.example.com' })
  })

  test('answers, and does not wait, where something else has read the body', async () => {
    const app = express()
    app.use(express.json(), toNodeHandler(proxyAt('https://mcp.example.com')))
    const base = await listen(app)
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${base}/register`, { method: 'POST', body: '{}', headers })
    expect(response.status).toBeGreaterThanOrEqual(400)
  })
})

describe('serve', () => {
  test('gives a handler a request of its own runtime, with the peer’s address beside it', async () => {
    const seen: unknown[] = []
    const server = await serve(
      {
        async fetch(request, native) {
          seen.push(request instanceof Request, clientAddress(request, native))
          return new Response(await new Request(request, { headers: { a: 'b' } }).text())
        },
      },
      { port: 0 },
    )
    closing.push(() => server.close(true))
    const response = await fetch(server.url, { method: 'POST', body: 'copied' })
    expect(await response.text()).toBe('copied')
    expect(seen).toEqual([true, '127.0.0.1'])
  })

  test('tells the handler that the client has gone, before and during the answer', async () => {
    const gone: string[] = []
    const server = await serve(
      {
        async fetch(request) {
          const { pathname } = new URL(request.url)
          const left = new Promise<void>((resolve) => {
            request.signal.addEventListener('abort', () => {
              gone.push(pathname)
              resolve()
            })
          })
          if (pathname === '/before') await left
          return new Response(
            new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('a')) }),
          )
        },
      },
      { port: 0 },
    )
    closing.push(() => server.close(true))
    for (const path of ['before', 'during']) {
      const abort = new AbortController()
      const answer = fetch(server.url + path, { signal: abort.signal })
      if (path === 'during') await (await answer).body!.getReader().read()
      else await sleep(100)
      abort.abort()
      await answer.catch(() => {})
      await expect.poll(() => gone).toContain(`/${path}`)
    }
  })

  test('leaves methods that no Request knows to the proxy', async () => {
    const server = await serve(proxyAt('http://localhost:8787'), { port: 0 })
    closing.push(() => server.close(true))
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${server.url}token`, { method: 'TRACE' }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject).end()
    })
    expect(status).toBe(405)
  })
})

test('its fetch waits where the fetch of Node would have given up', { timeout: 30_000 }, async () => {
  const behind = await startStreamServer()
  closing.push(() => behind.close())
  // What Node gives up after is five minutes; a test has seconds.
  const usual = getGlobalDispatcher()
  setGlobalDispatcher(new Agent({ headersTimeout: 500, bodyTimeout: 500 }))
  closing.push(async () => setGlobalDispatcher(usual))
  const url = `${behind.url}events?count=2&every=4000`
  const [ours, theirs] = await Promise.allSettled([
    patientFetch(url, {}).then((response) => response.text()),
    fetch(url).then((response) => response.text()),
  ])
  expect(theirs.status).toBe('rejected')
  expect(ours).toEqual({ status: 'fulfilled', value: 'data: 0\n\ndata: 1\n\n' })
})
