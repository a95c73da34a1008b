import assert from 'node:assert/strict'
import { connect, register } from '../../support/system.ts'
import { raw } from '../raw.ts'
import { type Attacks, events, systemOf, type Target } from '../target.ts'

/** One way to write `/admin` below `/mcp` that some program reads as such. */
const SPELLINGS = [
  '/%61dmin',
  '/ADMIN',
  '//admin',
  '/admin;x',
  '/;x/admin',
  '/admin%2frequest',
  '/admin%5crequest',
  '/x/..%2fadmin',
  '/x%2f..%2fadmin',
  '/%2e/admin',
  '/x/%2e%2e/admin',
  '/.%2e/mcp/admin',
  '/./admin',
  '/x/../admin',
  '/admin%00',
  '/admin%09',
  '/admin.',
  '/admin%20',
  '/%2561dmin',
  '/%EF%BD%81dmin',
  '/%E2%81%84admin',
  '/admin%E3%80%82',
]

/** What the server behind received, decoded as often as any program could. */
const decoded = (text: string): string => {
  let path = text.toLowerCase().normalize('NFKC')
  for (let times = 0; times < 3; times++) {
    try {
      path = decodeURIComponent(path)
    } catch {
      return path
    }
  }
  return path
}

async function bearer(target: Target, path = '/mcp'): Promise<Record<string, string>> {
  const system = systemOf(target, 'nested')
  const { tokens } = await connect(system, { params: { resource: target.url + path } })
  return { authorization: `Bearer ${tokens.access_token}`, 'x-test-instance': 'nested' }
}

interface Echo {
  readonly url: string
  readonly headers: readonly string[]
}

/** Names as a CGI-like server folds them. */
const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '_')

/** What passes through: paths, headers, queries, and texts. */
export const edgeAttacks: Attacks = {
  async 'T45 no spelling of a path reaches the server below with the token of the outer one'(target) {
    const headers = await bearer(target)
    assert.equal((await raw(`${target.url}/mcp/request`, headers)).status, 200, 'its own path works')
    assert.equal((await raw(`${target.url}/mcp/admin`, headers)).status, 401, 'a token is for one server')
    for (const spelling of SPELLINGS) {
      for (const end of ['', '/', '/request']) {
        const answered = await raw(`${target.url}/mcp${spelling}${end}`, headers).catch(() => undefined)
        if (!answered || [400, 401, 403, 404].includes(answered.status)) continue
        assert.equal(answered.status, 200, spelling)
        const { url } = JSON.parse(answered.text) as Echo
        assert.ok(!decoded(url).includes('admin'), `${spelling} arrived as ${url}`)
      }
    }
  },

  async 'T54 no spelling of a header of ours, and no forwarding header, arrives as the client sent it'(
    target,
  ) {
    const ours = ['User-Id', 'User-Email', 'User-Name', 'Client-Id', 'Scopes', 'Grant', 'Provider']
    const forged: Record<string, string> = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'forged.example',
      'X-Forwarded-Proto': 'forged',
      'X-Forwarded-Prefix': '/forged',
      'X-Forwarded-User': 'forged',
      X_Forwarded_For: '6.6.6.6',
      Forwarded: 'for=6.6.6.6;host=forged.example',
      'X-Real-IP': '6.6.6.6',
      X_Real_IP: '6.6.6.6',
      'True-Client-IP': '6.6.6.6',
      'X-Client-IP': '6.6.6.6',
      Proxy: 'http://forged.example',
    }
    for (const name of ours)
      for (const written of [
        `X_Lockgate_${name}`,
        `x-lockgate_${name}`,
        `X-LOCKGATE.${name}`,
        `X-Lockgate-${name}`,
      ])
        forged[written.replace('-Id', written.includes('.') ? '.Id' : '-Id')] = 'forged'
    const answered = await raw(`${target.url}/mcp/request`, { ...(await bearer(target)), ...forged })
    assert.equal(answered.status, 200, answered.text)
    const { headers } = JSON.parse(answered.text) as Echo
    for (let at = 0; at < headers.length; at += 2) {
      const [name, value] = [headers[at]!, headers[at + 1]!]
      assert.doesNotMatch(value, /forged|6\.6\.6\.6/, `${name}: ${value}`)
      if (folded(name).startsWith('x_lockgate')) assert.match(name, /^x-lockgate-[a-z-]+$/i)
    }
  },

  async 'T55 no spelling of a query repeats a parameter of the operator'(target) {
    const headers = await bearer(target, '/fixed')
    const spellings = [
      'tenant=evil',
      '%74enant=evil',
      'TENANT=evil',
      'tenant[]=evil',
      '[tenant]=evil',
      '%u0074enant=evil',
      'tenant%5B%5D=evil',
      '+tenant=evil',
    ]
    for (const spelling of [...spellings, 'tenant', 'tenant=', 'a=1;tenant=evil', 'tenant%00=evil']) {
      const answered = await raw(`${target.url}/fixed?x=1&${spelling}&role=admin`, headers)
      if (answered.status === 400) continue
      assert.equal(answered.status, 200, `${spelling}: ${answered.text}`)
      const { url } = JSON.parse(answered.text) as Echo
      assert.match(url, /tenant=fixed/)
      assert.match(url, /role=user/)
      assert.doesNotMatch(url, /role=admin/, spelling)
      assert.doesNotMatch(
        decoded(url),
        /tenant[^&=]*=evil|[?&]tenant(=?)(&|$)/,
        `${spelling} arrived as ${url}`,
      )
    }
  },

  async 'T56 a description has no other characters than OAuth allows, and no event quotes a token'(target) {
    const system = systemOf(target, 'talkative')
    const response = await system.call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:5555/callback'] }),
    })
    const { error_description: text } = (await response.json()) as { error_description: string }
    assert.match(text, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    const main = systemOf(target)
    target.provider.failNext('/token', {
      status: 200,
      body: { access_token: 'canary\nof the provider', token_type: 'Bearer' },
    })
    await connect(main, { client: await register(main) }).catch(() => {})
    assert.doesNotMatch(JSON.stringify(await events(target)), /canary/)
  },

  async 'T62 a challenge of the server behind does not lead a client inside'(target) {
    const answered = await raw(`${target.url}/mcp/challenge`, await bearer(target))
    assert.equal(answered.status, 403)
    const challenge = String(answered.headers['www-authenticate'])
    assert.doesNotMatch(challenge, /inner\.internal/)
    assert.match(
      challenge,
      /resource_metadata="http:\/\/localhost:\d+\/\.well-known\/oauth-protected-resource/,
    )
  },
}
