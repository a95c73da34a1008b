import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createOutbound } from '../../adapters/outbound/create-outbound.ts'
import { createForwardFetch, goesThrough, readForwardProxies } from '../../adapters/outbound/forward-proxy.ts'
import type { Fetch } from '../../src/ports.ts'
import { asPage, asUrl } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { authorizeUrl, register, startSystem } from '../support/system.ts'
import { certify } from './certificate.ts'

/** A real proxy that opens tunnels. It leads every name to this machine, as a company's proxy leads to the internet. */
let proxy: Server
let proxyUrl: string
const tunnels: string[] = []
const opened = new Set<Socket>()

let inner: Server
let secure: Server
const certificate = certify('client.example.org')
const portOf = (server: Server) => (server.address() as AddressInfo).port
const listening = (server: Server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))

beforeAll(async () => {
  inner = createServer((request, response) => {
    const issuer = `http://${request.headers.host}`
    const endpoints = { authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, ...endpoints }))
  })
  secure = createTlsServer({ key: certificate!.key, cert: certificate!.cert }, (request, response) => {
    if (request.url === '/missing.json') {
      response.writeHead(404).end('x'.repeat(100_000))
      return
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ client_id: `https://${request.headers.host}${request.url}` }))
  }) as Server
  proxy = createServer((_request, response) => response.writeHead(400).end())
  proxy.on('connect', (request, socket: Socket) => {
    tunnels.push(request.url!)
    const target = connect(portOf(request.url!.endsWith(':443') ? secure : inner), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.pipe(socket).pipe(target)
    })
    for (const one of [socket, target]) {
      opened.add(one)
      one.on('error', () => {})
    }
  })
  await Promise.all([inner, secure, proxy].map(listening))
  proxyUrl = `http://127.0.0.1:${portOf(proxy)}`
})
afterAll(() => {
  for (const socket of opened) socket.destroy()
  for (const server of [inner, secure, proxy]) server.close()
})
beforeEach(() => {
  tunnels.length = 0
})

const proxies = (more: Record<string, string> = {}) =>
  readForwardProxies({ HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl, ...more })!

describe('the environment', () => {
  test('without a proxy changes nothing', () => {
    expect(readForwardProxies({ NO_PROXY: 'x' })).toBeUndefined()
  })

  test('has its lower-case names first', () => {
    expect(readForwardProxies({ HTTPS_PROXY: 'http://a', https_proxy: 'http://b' })?.httpsProxy).toBe(
      'http://b',
    )
  })

  test.each([
    ['https://id.example.com', '', true],
    ['http://id.example.com', '', true],
    ['https://localhost:3000', '', false],
    ['https://mcp.localhost', '', false],
    ['http://127.0.0.1:3000', '', false],
    ['http://127.9.9.9', '', false],
    ['http://[::1]:3000', '', false],
    ['http://10.1.2.3', '', false],
    ['http://192.168.1.9', '', false],
    ['http://172.20.0.1', '', false],
    ['http://169.254.169.254', '', false],
    ['http://[fd00::7]', '', false],
    ['https://8.8.8.8', '', true],
    ['https://id.example.com', 'example.com', false],
    ['https://id.example.com', '.example.com', false],
    ['https://id.example.com', '*.example.com', false],
    ['https://ID.example.com', 'id.EXAMPLE.com', false],
    ['https://notexample.com', 'example.com', true],
    ['https://id.example.com', 'a.test, id.example.com:443', false],
    ['https://id.example.com:8443', 'id.example.com:443', true],
    ['https://8.8.8.8', '8.8.8.8', false],
    ['https://id.example.com', '*', false],
  ])('sends %s with NO_PROXY=%s through the proxy: %s', (url, noProxy, expected) => {
    expect(goesThrough(proxies({ NO_PROXY: noProxy }), new URL(url))).toBe(expected)
  })

  test.each([
    ['proxy.example.com:3128', 'has no scheme'],
    ['127.0.0.1:3128', 'has no scheme'],
    ['//proxy.example.com', 'has no scheme'],
    ['socks5://u:hidden@127.0.0.1:1080', 'is a SOCKS proxy'],
    ['socks5h://127.0.0.1:1080', 'is a SOCKS proxy'],
    ['SOCKS4://127.0.0.1:1080', 'is a SOCKS proxy'],
    ['ftp://proxy.example.com', 'has a scheme that no HTTP proxy has'],
    ['http://', 'is no URL'],
    ['http://proxy.example.com:99999', 'is no URL'],
    ['http://proxy.example.com/path', 'has a path'],
  ])('with %s fails with a clear message, and nothing goes past the proxy', async (value, text) => {
    const wrong = readForwardProxies({ https_proxy: value, HTTP_PROXY: proxyUrl })!
    expect(wrong.problems).toEqual([{ path: 'https_proxy', message: expect.stringContaining(text) }])
    expect(wrong.problems![0]!.message).not.toContain('hidden')
    const past: Fetch = () => Promise.reject(new Error('went past the proxy'))
    const fetched = createForwardFetch(wrong, past)
    await expect(fetched('https://id.example.com/', {})).rejects.toThrow(`https_proxy ${text}`)
    const outbound = createOutbound({ proxies: wrong })
    const asked = { accept: 'application/json', loopback: false, signal: AbortSignal.timeout(5000) }
    await expect(outbound('https://id.example.com/', asked)).rejects.toThrow(`https_proxy ${text}`)
    expect((await fetched('http://id.example.com/', {})).status, 'the other one works').toBe(200)
  })

  test.each(['http://proxy.example.com', 'https://u:p@proxy.example.com:8443/', 'HTTP://PROXY:3128'])(
    'with %s is right',
    (value) => {
      expect(readForwardProxies({ HTTPS_PROXY: value })!.problems).toEqual([])
    },
  )

  test('with a proxy for https alone leaves http alone', () => {
    const only = readForwardProxies({ HTTPS_PROXY: proxyUrl })!
    expect(goesThrough(only, new URL('http://id.example.com'))).toBe(false)
    expect(goesThrough(only, new URL('https://id.example.com'))).toBe(true)
  })
})

describe('requests to a provider', () => {
  const direct: Fetch = (input, init) => fetch(input, init)

  test('go through a tunnel of the proxy, and those to this machine directly', async () => {
    const fetched = createForwardFetch(proxies(), direct)
    const response = await fetched('http://id.example.com/.well-known/openid-configuration', {})
    expect(await response.json()).toMatchObject({ issuer: 'http://id.example.com' })
    expect(tunnels).toEqual(['id.example.com:80'])
    await fetched(`http://127.0.0.1:${portOf(inner)}/`, {})
    expect(tunnels).toHaveLength(1)
  })

  test('of a whole proxy take that way: the sign-in page comes from its metadata', async () => {
    const provider = createForwardFetch(proxies(), direct)
    const upstream = oidc({
      issuer: 'http://id.example.com',
      clientId: 'c',
      clientSecret: 's',
      dangerouslyAllowHttp: true,
    })
    const system = await startSystem({ upstream, fetch: { provider } })
    const client = await register(system)
    const browser = system.browser()
    const consent = asPage(await browser.open(authorizeUrl(system, client)))
    const stopAt = 'http://id.example.com/auth'
    expect(asUrl(await browser.submit(consent, { decision: 'allow' }, { stopAt })).href).toContain(stopAt)
    expect(tunnels).toEqual(['id.example.com:80'])
    await system.close()
  })

  test('that the proxy refuses fail', async () => {
    const nowhere = readForwardProxies({ HTTP_PROXY: `http://127.0.0.1:${await freePort()}` })!
    await expect(createForwardFetch(nowhere, direct)('http://id.example.com/', {})).rejects.toThrow()
  })
})

describe('documents of clients', () => {
  const options = {
    accept: 'application/json',
    loopback: false,
    get signal() {
      return AbortSignal.timeout(5000)
    },
  }
  const through = (addresses: readonly string[] | Error) =>
    createOutbound({
      proxies: proxies(),
      ca: certificate!.cert,
      resolve: async () => {
        if (addresses instanceof Error) throw addresses
        return addresses
      },
    })

  test.each([
    ['resolves', ['8.8.8.8']],
    ['cannot be resolved here', new Error('no name server')],
  ])('come through the proxy if the name %s', async (_, addresses) => {
    const response = await through(addresses)('https://client.example.org/c.json', options)
    expect(await response.json()).toEqual({ client_id: 'https://client.example.org/c.json' })
    expect(tunnels).toEqual(['client.example.org:443'])
  })

  test.each(['https://10.0.0.5/c.json', 'https://127.0.0.1/c.json', 'https://localhost/c.json'])(
    'are not fetched from %s',
    async (url) => {
      await expect(createOutbound({ proxies: proxies() })(url, options)).rejects.toThrow()
      expect(tunnels).toEqual([])
    },
  )

  test('are not fetched from a name that leads inside', async () => {
    await expect(through(['10.0.0.5'])('https://client.example.org/c.json', options)).rejects.toThrow(
      'not public',
    )
    expect(tunnels).toEqual([])
  })

  test('that are missing, or given up half read, harm no other request', async () => {
    const fetch = through(['8.8.8.8'])
    const missing = await fetch('https://client.example.org/missing.json', options)
    expect(missing.status).toBe(404)
    expect(await missing.text()).toBe('')
    const dropped = await fetch('https://client.example.org/c.json', options)
    await dropped.body!.cancel()
    // A failure that nothing hears would come now, and end the process.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await fetch('https://client.example.org/c.json', options)).status).toBe(200)
  })

  test('are not believed without a certificate for the name', async () => {
    const fetched = through(['8.8.8.8'])('https://other.example.org/c.json', options)
    await expect(fetched).rejects.toThrow()
  })
})
