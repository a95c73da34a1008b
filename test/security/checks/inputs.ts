import assert from 'node:assert/strict'
import { connect as dial } from 'node:net'
import { authorizeUrl, connect, outcome, redeemParams, register, signIn } from '../../support/system.ts'
import { raw } from '../raw.ts'
import { type Attacks, expectPage, systemOf } from '../target.ts'

/** Refused with a status, or by the runtime's own server before anybody reads it. */
async function expectRefused(sending: Promise<Response>, name: string): Promise<void> {
  const response = await sending.catch(() => undefined)
  if (!response) return
  assert.ok([400, 401, 403, 413, 414, 431].includes(response.status), `${name}: ${response.status}`)
  assert.equal(response.headers.get('location'), null, name)
  await response.body?.cancel()
}

const MEGABYTE = 'x'.repeat(1024 * 1024)

/** Everything that is sent without thinking of it. */
export const inputAttacks: Attacks = {
  async 'T38 forged host headers change no address'(target) {
    const { origin, pathname } = new URL(target.url)
    const urls = [
      `${origin}/.well-known/oauth-authorization-server${pathname}`,
      `${origin}/.well-known/oauth-protected-resource${pathname}/mcp`,
    ]
    const forged = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
      'x-forwarded-prefix': '/evil',
      'x-original-url': '/evil',
    }
    for (const url of urls) {
      const { status, text } = await raw(url, {})
      assert.equal(status, 200)
      const answered = await raw(url, forged)
      assert.deepEqual([answered.status, answered.text], [status, text])
    }
    const system = systemOf(target)
    const client = await register(system)
    const consent = await raw(authorizeUrl(system, client), forged)
    assert.ok(consent.status === 200 && !consent.text.includes('evil.example'))
  },

  async 'T39 a parameter that comes twice is refused, without a redirect'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const evil = await register(system, { redirect_uris: ['https://evil.example/cb'] })
    for (const twice of [
      `client_id=${evil.id}`,
      'redirect_uri=https%3A%2F%2Fevil.example%2Fcb',
      'state=other',
      'scope=admin',
    ])
      await expectPage(await system.call(`${authorizeUrl(system, client)}&scope=mcp&${twice}`), 400)
    const redeem = new URLSearchParams(redeemParams(client, await signIn(system, client)))
    for (const name of ['code', 'client_id', 'code_verifier', 'grant_type']) {
      const body = new URLSearchParams(redeem)
      body.append(name, 'other')
      assert.deepEqual(await outcome(await system.post('/token', body)), [400, 'invalid_request'])
    }
  },

  async 'T40 nothing personal may be cached, and metadata not for long'(target) {
    const system = systemOf(target)
    const { client, signedIn, tokens } = await connect(system)
    const personal = [
      await system.call(authorizeUrl(system, client)),
      await system.post('/token', redeemParams(client, signedIn)),
      await system.post('/token', {
        grant_type: 'refresh_token',
        client_id: client.id,
        refresh_token: tokens.refresh_token,
      }),
      await system.post('/revoke', { client_id: client.id, token: 'x' }),
      await system.call('/mcp'),
      await system.call('/callback'),
      await system.call('/register', {
        method: 'POST',
        body: '{"redirect_uris":["https://a.example/"]}',
        headers: { 'content-type': 'application/json' },
      }),
    ]
    for (const response of personal) {
      assert.match(
        response.headers.get('cache-control') ?? '',
        /no-store/,
        `${response.status} of ${response.url}`,
      )
      await response.body?.cancel()
    }
    const { origin, pathname } = new URL(target.url)
    const metadata = await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`)
    const age = /max-age=(\d+)/.exec(metadata.headers.get('cache-control') ?? '')
    assert.ok(age === null || Number(age[1]) <= 3600)
  },

  async 'T42 what is too large is refused'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const url = new URL(authorizeUrl(system, client))
    url.searchParams.set('state', 'x'.repeat(8 * 1024))
    await expectRefused(system.call(url.href), 'a state of 8 KB')
    url.searchParams.set('state', MEGABYTE)
    await expectRefused(system.call(url.href), 'a state of 1 MB')
    for (const name of ['state', 'scope', 'resource', 'nonce']) {
      const params = new URLSearchParams(new URL(authorizeUrl(system, client)).search)
      params.set(name, MEGABYTE)
      await expectRefused(system.post('/authorize', params), `a posted ${name}`)
    }
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`p${n}`, 'x']))
    await expectRefused(system.post('/token', { grant_type: 'refresh_token', ...many }), 'many parameters')
    await expectRefused(
      system.post('/token', { grant_type: 'refresh_token', refresh_token: MEGABYTE }),
      'a token',
    )
    await expectRefused(system.post('/revoke', { token: MEGABYTE }), 'a token to revoke')
    await expectRefused(system.post('/consent', { request: MEGABYTE }), 'a consent form')
    const headers = { authorization: `Bearer ${'x'.repeat(12_000)}` }
    await expectRefused(system.call('/mcp', { headers }), 'a bearer token')
    const cookie = `__Host-lockgate-consent-x=${'y'.repeat(12_000)}`
    await expectRefused(system.call('/callback?state=x&code=y', { headers: { cookie } }), 'a cookie')
  },

  async 'T42 bodies that are judged count before they are read, and while they come'(target) {
    const post = async (address: string, body: string) => {
      const headers = { 'content-type': 'application/json', 'x-test-address': address }
      const response = await systemOf(target, 'open').call('/mcp', { method: 'POST', headers, body })
      await response.body?.cancel()
      return response.status
    }
    const packed = `http://h/%${'25'.repeat(58)}2f${'a/'.repeat(8100)}`.slice(0, 16_384)
    const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: packed } }
    const began = Date.now()
    assert.equal(await post('192.0.2.71', '['.repeat(1_000_000)), 429)
    const batch = JSON.stringify(Array(10).fill(read))
    assert.deepEqual([await post('192.0.2.72', batch), await post('192.0.2.72', batch)], [401, 429])
    const statuses = []
    for (let n = 0; n < 300; n++) statuses.push(await post('192.0.2.73', '[[1]]'))
    assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429])
    assert.ok(Date.now() - began < 20_000)

    const { hostname, port, pathname } = new URL(`${target.url}/mcp`)
    const open = Array.from({ length: 30 }, () => ({ socket: dial(Number(port), hostname), answer: '' }))
    for (const one of open) {
      one.socket.on('error', () => {})
      one.socket.on('data', (data: Buffer) => {
        one.answer += data.toString('latin1')
      })
      one.socket.write(
        `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nx-test-instance: open\r\n` +
          'x-test-address: 192.0.2.74\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[',
      )
    }
    const refused = () => open.filter(({ answer }) => answer.startsWith('HTTP/1.1 429')).length
    for (let tries = 0; tries < 100 && refused() < 10; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    for (const { socket } of open) socket.destroy()
    assert.equal(refused(), 10)
  },

  async 'T43 no unknown well-known address answers with anything but 404'(target) {
    const { origin, pathname } = new URL(target.url)
    const names = [
      'openid-configuration',
      'oauth-client',
      'jwks.json',
      'webfinger',
      'security.txt',
      'oauth-authorization-server2',
    ]
    const paths = names.flatMap((name) => [
      `/.well-known/${name}`,
      `/.well-known/${name}${pathname}`,
      `${pathname}/.well-known/${name}`,
      `${pathname}/mcp/.well-known/${name}`,
    ])
    for (const path of paths) {
      const response = await fetch(origin + path)
      // Below the server itself even this is behind the lock.
      const expected = path.startsWith(`${pathname}/mcp/`) ? 401 : 404
      assert.equal(response.status, expected, path)
      if (expected === 404)
        assert.match(response.headers.get('content-type') ?? '', /^application\/json/, path)
      await response.body?.cancel()
    }
  },

  async 'T44 only the servers that are served have metadata'(target) {
    const { origin, pathname } = new URL(target.url)
    const at = (path: string) => fetch(`${origin}/.well-known/oauth-protected-resource${path}`)
    for (const path of [`${pathname}/mcp`, `${pathname}/other`]) assert.equal((await at(path)).status, 200)
    for (const path of ['', '/', '/mcp', pathname, `${pathname}/`, `${pathname}/third`]) {
      const response = await at(path)
      assert.deepEqual([path, ...(await outcome(response))], [path, 404, 'not_found'])
    }
    // Another spelling of a path is refused before it is looked up.
    assert.deepEqual(await outcome(await at(`${pathname}/%6dcp`)), [400, 'invalid_request'])
  },
}
