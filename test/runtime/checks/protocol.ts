import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { outcome } from '../../support/system.ts'
import { overHttp, type Peer } from '../peer.ts'
import type { Checks } from '../suite.ts'

const parts = ({ url }: Peer) => ({ origin: new URL(url).origin, base: new URL(url).pathname })

const json = async (url: string): Promise<Record<string, unknown>> => {
  const response = await fetch(url)
  assert.equal(response.status, 200, url)
  return response.json()
}

/**
 * Opens connections to endpoints that read a body, and sends one byte a second on each.
 *
 * @param isEnough Tells whether the test waits for more than it has received.
 * @returns The status that each got, and when it ended, in seconds.
 */
async function sendSlowly(
  peer: Peer,
  isEnough: (text: string) => boolean,
): Promise<readonly { readonly status: string; readonly seconds: number }[]> {
  const { port, pathname, hostname } = new URL(peer.url)
  const started = performance.now()
  const send = (path: string, type: string) =>
    new Promise<{ status: string; seconds: number }>((resolve) => {
      const socket = connect(Number(port), hostname)
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
        if (isEnough(text)) socket.destroy()
      })
      const drip = setInterval(() => socket.write('a'), 1000)
      const giveUp = setTimeout(() => socket.destroy(), 25_000)
      socket.on('error', () => {})
      socket.on('close', () => {
        clearInterval(drip)
        clearTimeout(giveUp)
        resolve({ status: text.slice(9, 12), seconds: (performance.now() - started) / 1000 })
      })
      const headers = `host: ${hostname}:${port}\r\ncontent-type: ${type}\r\ncontent-length: 1000`
      socket.write(`POST ${pathname}${path} HTTP/1.1\r\n${headers}\r\n\r\n`)
    })
  const form = 'application/x-www-form-urlencoded'
  const sent = Array.from({ length: 60 }, (_, n) => {
    if (n % 3 === 0) return send('/register', 'application/json')
    return send(n % 3 === 1 ? '/token' : '/authorize', form)
  })
  return Promise.all(sent)
}

/** What can be asked without having signed in. */
export const protocolChecks: Checks = {
  async 'discovery leads from the resource to the endpoints'(peer) {
    const { origin, base } = parts(peer)
    const resource = await json(`${origin}/.well-known/oauth-protected-resource${base}/mcp`)
    assert.equal(resource.resource, `${peer.url}/mcp`)
    assert.deepEqual(resource.authorization_servers, [peer.url])
    const server = await json(`${origin}/.well-known/oauth-authorization-server${base}`)
    assert.equal(server.issuer, peer.url)
    for (const name of ['authorization', 'token', 'registration', 'revocation']) {
      assert.ok(String(server[`${name}_endpoint`]).startsWith(`${peer.url}/`), name)
    }
  },

  async 'nothing is served outside the base path'(peer) {
    const { origin } = parts(peer)
    for (const path of ['/', '/token', '/mcp', '/.well-known/oauth-authorization-server/mcp']) {
      const response = await fetch(origin + path)
      assert.deepEqual([path, ...(await outcome(response))], [path, 404, 'not_found'])
    }
    assert.equal((await fetch(peer.url)).status, 200)
  },

  async 'a request without a token is told where to get one'(peer) {
    const response = await overHttp(peer).call('/mcp', { method: 'POST', body: '{}' })
    assert.equal(response.status, 401)
    const { origin, base } = parts(peer)
    const challenge = response.headers.get('www-authenticate') ?? ''
    assert.match(challenge, /^Bearer /)
    assert.ok(challenge.includes(`${origin}/.well-known/oauth-protected-resource${base}/mcp`), challenge)
  },

  async 'a token that is none is refused'(peer) {
    const headers = { authorization: 'Bearer invented' }
    const response = await overHttp(peer).call('/mcp', { method: 'POST', body: '{}', headers })
    assert.match(response.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
    assert.deepEqual(await outcome(response), [401, 'invalid_token'])
  },

  async 'a body that does not arrive is refused within twenty seconds'(peer) {
    const ends = await sendSlowly(peer, (text) => text.length > 12)
    assert.deepEqual(new Set(ends.map(({ status }) => status)), new Set(['408']))
    assert.ok(Math.max(...ends.map(({ seconds }) => seconds)) < 20)
  },

  async 'a connection whose body does not arrive is closed within twenty seconds'(peer) {
    const ends = await sendSlowly(peer, () => false)
    const last = Math.max(...ends.map(({ seconds }) => seconds))
    assert.ok(last < 20, `the last one was closed after ${last} s`)
  },

  async 'a client registers itself, and no member of the answer is null'(peer) {
    const response = await overHttp(peer).call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:5555/callback', 'cursor://callback'] }),
    })
    assert.equal(response.status, 201)
    const registered = (await response.json()) as Record<string, unknown>
    assert.equal(typeof registered.client_id, 'string')
    for (const [name, value] of Object.entries(registered)) assert.notEqual(value, null, name)
  },

  async 'another method gets 405 and the list of those that work'(peer) {
    const system = overHttp(peer)
    const response = await system.call('/token')
    assert.equal(response.headers.get('allow'), 'POST, OPTIONS')
    assert.deepEqual(await outcome(response), [405, 'invalid_request'])
    assert.equal((await system.call('/token', { method: 'DELETE' })).status, 405)
  },

  async 'HEAD answers as GET does, without a body'(peer) {
    const response = await overHttp(peer).call('/health', { method: 'HEAD' })
    assert.deepEqual([response.status, await response.text()], [200, ''])
  },

  async 'an unknown address gets 404 as JSON'(peer) {
    const { origin, base } = parts(peer)
    for (const url of [`${peer.url}/nothing`, `${origin}/.well-known/openid-configuration${base}`]) {
      const response = await fetch(url)
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
      assert.deepEqual(await outcome(response), [404, 'not_found'])
    }
  },

  async 'a form that is none is refused, and so is one that repeats a parameter'(peer) {
    const system = overHttp(peer)
    const twice = 'grant_type=refresh_token&grant_type=refresh_token'
    for (const [type, body] of [
      ['application/json', '{}'],
      ['application/x-www-form-urlencoded', twice],
      ['application/x-www-form-urlencoded', ''],
    ] as const) {
      const headers = { 'content-type': type }
      const response = await system.call('/token', { method: 'POST', body, headers })
      assert.deepEqual([body, ...(await outcome(response))], [body, 400, 'invalid_request'])
    }
  },

  async 'pages of any origin may read what programs read, and none may reach the MCP server'(peer) {
    const system = overHttp(peer)
    const headers = {
      origin: 'https://app.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    }
    const preflight = await system.call('/token', { method: 'OPTIONS', headers })
    assert.ok(preflight.ok, `preflight ${preflight.status}`)
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/)
    const foreign = await system.call('/mcp', { method: 'OPTIONS', headers })
    assert.deepEqual(await outcome(foreign), [403, 'access_denied'])
  },
}
