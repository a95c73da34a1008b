import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { ConfigError, createProxy, type ProxyOptions } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'
import { connect, guarded, startSystem } from '../support/system.ts'

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

function pem(type: 'rsa' | 'ec' | 'ed25519', modulusLength = 2048): Pair {
  if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength })
  return type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
}
const rsa = pem('rsa')
const ec = pem('ec')
const text = (key: Pair) => key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const publicText = (key: Pair) => key.publicKey.export({ type: 'spki', format: 'pem' }) as string

const base: ProxyOptions = {
  url: 'https://lock.example.com',
  secret: 'a secret of the tests, long enough to be one',
  upstream: { login: '/login', name: 'The app' },
  storage: memory(),
  mcp: { handler: () => new Response(), accessToken: { format: 'jwt' } },
}

function issuesOf(options: Partial<ProxyOptions>): string[] {
  try {
    createProxy({ ...base, ...options })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map(({ path, message }) => `${path}: ${message}`)
  }
}

describe('the operator’s own keys', () => {
  test.each([
    ['PEM', text(rsa), 'RS256'],
    ['several PEM blocks', `${text(ec)}\n${text(rsa)}`, 'RS256'],
    ['a JWK in a list', [{ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'mine' }], 'RS256'],
    ['a JWK set as text', JSON.stringify({ keys: [rsa.privateKey.export({ format: 'jwk' })] }), 'RS256'],
    ['one JWK as text', JSON.stringify(pem('ed25519').privateKey.export({ format: 'jwk' })), 'EdDSA'],
    ['no key of the usual algorithm', [text(ec)], 'ES256'],
  ])('as %s sign and verify', async (_name, keys, alg) => {
    const system = await startSystem({
      signing: { keys: keys as never },
      mcp: { handler: () => new Response('ok'), accessToken: { format: 'jwt' } },
    })
    const { tokens } = await connect(system)
    const set = (await (await system.call('/jwks')).json()) as JSONWebKeySet
    expect(JSON.stringify(set)).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/)
    expect(decodeProtectedHeader(tokens.access_token).alg).toBe(alg)
    await jwtVerify(tokens.access_token, createLocalJWKSet(set))
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    expect(system.store.dump()).not.toContain('signing:')
    await system.close()
  })

  test('rotate by their order: a second key is published, then signs, and the first still verifies', async () => {
    const next = pem('rsa')
    const mcp = { handler: () => new Response('ok'), accessToken: { format: 'jwt' as const } }
    const system = await startSystem({ signing: { keys: [text(rsa)] }, mcp })
    const published = system.another({ signing: { keys: [text(rsa), text(next)] } })
    const signing = system.another({ signing: { keys: [text(next), publicText(rsa)] } })
    const old = (await connect(published)).tokens.access_token
    const fresh = (await connect(signing)).tokens.access_token
    expect(decodeProtectedHeader(old).kid).not.toBe(decodeProtectedHeader(fresh).kid)
    for (const one of [published, signing])
      expect([(await guarded(one, old)).status, (await guarded(one, fresh)).status]).toEqual([200, 200])
    await system.close()
  })

  test.each([
    [{ keys: 'nonsense' }, 'signing.keys: is neither PEM nor JSON'],
    [{ keys: '{' }, 'signing.keys: is malformed JSON'],
    [{ keys: [text(pem('rsa', 1024))] }, 'signing.keys.0: is an RSA key of under 2048 bits'],
    [
      { keys: [pem('rsa', 1024).privateKey.export({ format: 'jwk' })] },
      'signing.keys.0: is an RSA key of under 2048 bits',
    ],
    [{ keys: [{ kty: 'oct', k: 'AAAA' }] }, /^signing\.keys\.0: has a `kty` other than/],
    [
      { keys: [rsa.privateKey.export({ type: 'pkcs1', format: 'pem' })] },
      /^signing\.keys\.0: is another kind of PEM/,
    ],
    [{ keys: [publicText(rsa)] }, 'signing.keys: has no private key, and public keys cannot sign: add one'],
    [
      { keys: [{ ...rsa.privateKey.export({ format: 'jwk' }), use: 'enc' }] },
      /^signing\.keys\.0: is not for signatures/,
    ],
    [
      { keys: [{ ...ec.privateKey.export({ format: 'jwk' }), alg: 'HS256' }] },
      /^signing\.keys\.0: fits none of/,
    ],
    [{ rotation: 3600 }, /^signing\.rotation: /],
  ])('that cannot be used are refused by name: %#', (signing, message) => {
    const issues = issuesOf({ signing: signing as never })
    expect(issues.join('\n')).toMatch(message)
    expect(issues.join('\n')).not.toContain('MII')
  })
})

describe('options of signed tokens', () => {
  test.each<[string, Partial<ProxyOptions>, RegExp]>([
    [
      'a lifetime over that of all access tokens',
      { mcp: { handler: () => new Response(), accessToken: { format: 'jwt', ttl: 7200 } } },
      /^mcp\.accessToken\.ttl: must not exceed accessTokenTtl$/,
    ],
    [
      'members that sealed tokens do not have',
      { mcp: { handler: () => new Response(), accessToken: { claims: ['email'] } } },
      /^mcp\.accessToken\.format: must be jwt/,
    ],
    [
      'sealed tokens for a server elsewhere',
      {
        mcp: { external: true, resource: 'https://tools.example.com/mcp', accessToken: { format: 'sealed' } },
      },
      /^mcp\.accessToken\.format: must be jwt/,
    ],
    [
      'a server elsewhere without its URL',
      { mcp: { external: true } as never },
      /^mcp: `external` and `resource` belong together$/,
    ],
    [
      'a server elsewhere with an address to forward to',
      { mcp: { external: true, resource: 'https://a.example/mcp', url: 'http://b:3000' } as never },
      /^mcp: expected one of/,
    ],
    [
      'a server elsewhere over http',
      { mcp: { external: true, resource: 'http://tools.example.com/mcp' } },
      /^mcp\.resource: expected an https URL/,
    ],
    [
      'an OpenID configuration without keys',
      { mcp: () => new Response(), discovery: { openid: true } },
      /^discovery\.openid/,
    ],
    [
      'an algorithm without a key',
      {
        mcp: { handler: () => new Response(), accessToken: { format: 'jwt', alg: 'ES256' } },
        signing: { keys: text(rsa) },
      },
      /^mcp\.accessToken\.alg: needs a private key for ES256/,
    ],
    [
      'an eventually consistent storage without keys',
      { storage: { ...memory(), consistency: 'eventual' } },
      /^signing\.keys: is required with this storage/,
    ],
    [
      'a resource server that is a client as well',
      {
        clients: [{ clientId: 'x', redirectUris: ['https://x.example/cb'] }],
        resourceServers: [{ id: 'x', secret: 's'.repeat(32), resources: ['https://lock.example.com/mcp'] }],
      },
      /^resourceServers\.0\.id: is also a clientId/,
    ],
    [
      'a resource server of something else',
      { resourceServers: [{ id: 'x', secret: 's'.repeat(32), resources: ['https://other.example/mcp'] }] },
      /^resourceServers\.0\.resources\.0: is not the public URL of a server/,
    ],
    [
      'a resource server without a proof',
      { resourceServers: [{ id: 'x', resources: ['https://lock.example.com/mcp'] }] },
      /^resourceServers\.0: expected either/,
    ],
  ])('refuse %s', (_name, options, message) => {
    expect(issuesOf(options).join('\n')).toMatch(message)
  })

  test('warn of a signed token that lives for over an hour', () => {
    const mcp = (ttl: number) => ({
      handler: () => new Response(),
      accessToken: { format: 'jwt' as const, ttl },
    })
    const paths = (ttl: number) =>
      createProxy({ ...base, accessTokenTtl: 86_400, mcp: mcp(ttl) }).warnings.map(({ path }) => path)
    expect(paths(86_400)).toEqual(['mcp.0.accessToken.ttl'])
    expect(paths(3600)).toEqual([])
  })

  test('accept what they are meant for', () => {
    expect(issuesOf({})).toEqual([])
    expect(issuesOf({ mcp: { external: true, resource: 'https://tools.example.com/mcp' } })).toEqual([])
    expect(
      issuesOf({ storage: { ...memory(), consistency: 'eventual' }, signing: { keys: text(rsa) } }),
    ).toEqual([])
  })
})
