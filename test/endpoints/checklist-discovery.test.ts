import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, createProxy } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterEach, expect, test } from 'vitest'
import { register, type System, startSystem } from '../support/system.ts'

let system: System
afterEach(() => system.close())

const read = async (path: string) => (await (await system.call(path)).json()) as Record<string, unknown>

test.each(['http://localhost:8787', 'http://localhost:8787/'])(
  'a server at the root of %s has its document at the well-known path itself',
  async (url) => {
    system = await startSystem({ url, mcp: { path: '/', handler: () => Response.json({}) } })
    const response = await system.call('http://localhost:8787/.well-known/oauth-protected-resource')
    expect(await response.json()).toMatchObject({
      resource: 'http://localhost:8787',
      authorization_servers: ['http://localhost:8787'],
    })
  },
)

test.each(['http://localhost:9099/mcp', 'http://localhost:8787/very/deep/path/of/one/mcp'])(
  'the resource is the address that was typed: %s',
  async (address) => {
    const { origin, pathname } = new URL(address)
    system = await startSystem({ url: origin, mcp: { path: pathname, handler: () => Response.json({}) } })
    const document = await read(`/.well-known/oauth-protected-resource${pathname}`)
    expect(document.resource).toBe(address)
  },
)

test('an issuer with a path has its metadata under that path, and no empty list in any document', async () => {
  system = await startSystem({ url: 'http://localhost:8787/t1', discovery: { atRoot: false } })
  const at = (path: string) => system.call(`http://localhost:8787${path}`)
  const server = await at('/.well-known/oauth-authorization-server/t1')
  const resource = await at('/.well-known/oauth-protected-resource/t1/mcp')
  for (const response of [server, resource]) {
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    const lists = Object.values((await response.json()) as object).filter(Array.isArray)
    expect(lists.every(({ length }) => length > 0)).toBe(true)
  }
  expect((await at('/.well-known/oauth-authorization-server')).status).toBe(404)
})

test('metadata needs no token and minds no protocol version', async () => {
  system = await startSystem()
  for (const version of ['2025-03-26', '2026-07-28', '1999-01-01', 'nonsense']) {
    const headers = { 'mcp-protocol-version': version }
    expect((await system.call('/.well-known/oauth-authorization-server', { headers })).status).toBe(200)
    expect((await system.call('/.well-known/oauth-protected-resource/mcp', { headers })).status).toBe(200)
  }
})

test('an id that a client was given can be sent as it is: short of 2 KB, no URL, no reserved character', async () => {
  system = await startSystem()
  const { id, secret } = await register(system, { token_endpoint_auth_method: 'client_secret_basic' })
  expect(id).toMatch(/^[\w.-]{20,2000}$/)
  // At least 160 bits.
  expect(secret).toMatch(/^[\w-]{27,}$/)
})

test('no answer to a registration names a management address that does not work', async () => {
  system = await startSystem()
  const response = await system.call('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://app.example/cb'] }),
  })
  const body = (await response.json()) as Record<string, string>
  expect('registration_client_uri' in body).toBe('registration_access_token' in body)
  if (body.registration_client_uri === undefined) return
  const headers = { authorization: `Bearer ${body.registration_access_token}` }
  expect((await system.call(body.registration_client_uri, { headers })).status).toBe(200)
})

test.each([
  'http://mcp.example.com',
  'http://192.168.1.5:8787',
  'https://mcp.example.com/?a=1',
  'https://mcp.example.com/#x',
])('%s cannot be an issuer', async (url) => {
  system = await startSystem()
  const upstream = oidc({ issuer: 'https://idp.example', clientId: 'a', clientSecret: 'b' })
  const mcp = () => Response.json({})
  const make = () => createProxy({ url, secret: 's'.repeat(32), upstream, storage: memory(), mcp })
  expect(make).toThrow(ConfigError)
  expect(make).toThrow(/url/)
})

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    console.warn('openssl is missing: nobody looks whether a false certificate is refused')
    return false
  }
})()

test.skipIf(!openssl)('a provider whose certificate nobody vouches for is not talked to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  let [reached, asked] = [0, 0]
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    asked++
    response.end('{}')
  })
  server.on('connection', () => reached++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
    system = await startSystem({ upstream: oidc({ issuer, clientId: 'a', clientSecret: 'b' }) })
    const client = await register(system)
    const challenge = `code_challenge=${'c'.repeat(43)}&code_challenge_method=S256`
    const response = await system.call(
      `/authorize?response_type=code&client_id=${client.id}&${challenge}&state=s`,
    )
    expect(response.headers.get('location') ?? '').not.toContain(issuer)
    expect(await response.text()).not.toContain('<form')
    expect(asked).toBe(0)
    expect(reached, 'it was found, and not believed').toBeGreaterThan(0)
  } finally {
    server.close()
    rmSync(folder, { recursive: true })
  }
})
