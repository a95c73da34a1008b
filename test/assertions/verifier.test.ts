import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TrustedIssuer } from '../../src/options/trusted-issuers.ts'
import {
  type AssertionIssuer,
  JWT_BEARER,
  newIssuerKey,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { outcome, type StartedSystem, startSystem } from '../support/system.ts'

let idp: AssertionIssuer
let base: StartedSystem
let system: StartedSystem

const entry = (changes: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  issuer: idp.issuer,
  use: ['workload'],
  rules: [{ name: 'all', match: { sub: 'job' }, scopes: ['mcp'] }],
  ...changes,
})
const trusting = (changes: Partial<TrustedIssuer> = {}) =>
  base.another({ trustedIssuers: [entry(changes)], limits: false })

beforeAll(async () => {
  idp = await startAssertionIssuer()
  base = await startSystem()
})
afterAll(() => Promise.all([base.close(), idp.close()]))
beforeEach(async () => {
  idp.publish([idp.key.public])
  idp.discover({ issuer: idp.issuer, jwks_uri: `${idp.server.origin}/tenant/keys` })
  system = trusting()
  base.clock.ahead = 0
  base.events.length = 0
  idp.asked.length = 0
})

const now = () => Math.floor(Date.now() / 1000) + base.clock.ahead
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: idp.issuer,
  sub: 'job',
  aud: system.url,
  iat: now(),
  exp: now() + 300,
  jti: crypto.randomUUID(),
  ...changes,
})

const present = (assertion: string, at = system) => at.post('/token', { grant_type: JWT_BEARER, assertion })
const tried = async (assertion: string, at = system) => outcome(await present(assertion, at))

const ACCEPTED = [200, undefined]
const REFUSED = [400, 'invalid_grant']
const reason = () => base.events.findLast(({ type }) => type === 'refused' || type === 'failed')?.reason

describe('only a listed issuer is trusted', () => {
  test('a thousand unknown ones cause no fetch', { timeout: 60_000 }, async () => {
    for (let each = 0; each < 1000; each++) {
      const assertion = await idp.sign(claims({ iss: `https://${crypto.randomUUID()}.example` }))
      expect(await tried(assertion)).toEqual(REFUSED)
    }
    expect(idp.asked).toEqual([])
    expect(reason()).toBe('assertion-issuer-unknown')
  })

  test('its name is compared character by character', async () => {
    for (const iss of [
      `${idp.issuer}/`,
      idp.issuer.toUpperCase(),
      `${idp.issuer}?`,
      undefined,
      7,
      [idp.issuer],
    ])
      expect(await tried(await idp.sign(claims({ iss })))).toEqual(REFUSED)
    expect(idp.asked).toEqual([])
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
  })

  test('and not for another use', async () => {
    const other = base.another({
      trustedIssuers: [entry({ use: ['bearer'] }), entry({ use: ['id-jag'], rules: undefined })],
    })
    const client = await idp.sign(claims())
    const response = await other.post('/token', { grant_type: JWT_BEARER, assertion: client })
    expect(response.status).toBe(401)
    expect(idp.asked).toEqual([])
  })
})

describe('its keys', () => {
  test('are not used if its discovery document names another issuer', async () => {
    idp.discover({ issuer: 'https://other.example', jwks_uri: `${idp.server.origin}/tenant/keys` })
    const response = await present(await idp.sign(claims()))
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    expect(base.events.at(-1)?.detail).toContain('another issuer')
  })

  test('are found by RFC 8414 if there is no OpenID configuration', async () => {
    idp.discover(undefined)
    const path = '/.well-known/oauth-authorization-server/tenant'
    idp.server.put(path, { issuer: idp.issuer, jwks_uri: `${idp.server.origin}/tenant/keys` })
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
  })

  test('may be listed, or their address', async () => {
    const inline = trusting({ jwks: { keys: [{ ...idp.key.public }] } })
    expect(await tried(await idp.sign(claims()), inline)).toEqual(ACCEPTED)
    expect(idp.asked).toEqual([])
    const named = trusting({ jwks: `${idp.server.origin}/tenant/keys` })
    expect(await tried(await idp.sign(claims()), named)).toEqual(ACCEPTED)
    expect(idp.asked).toEqual(['/tenant/keys'])
  })

  test('are fetched again for an unknown key: a rotation fails no request', async () => {
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
    const next = await newIssuerKey('next')
    idp.publish([idp.key.public, next.public])
    expect(await tried(await idp.sign(claims(), {}, next))).toEqual(ACCEPTED)
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
  })

  test('are fetched once for two hundred random keys', async () => {
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
    idp.asked.length = 0
    const forged = await Promise.all(
      Array.from({ length: 200 }, () => idp.sign(claims(), { kid: crypto.randomUUID() })),
    )
    const answers = await Promise.all(forged.map((one) => tried(one)))
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([400]))
    expect(idp.asked.filter((path) => path === '/tenant/keys').length).toBeLessThanOrEqual(1)
    base.clock.ahead += 31
    const next = await newIssuerKey('next')
    idp.publish([next.public])
    expect(await tried(await idp.sign(claims(), {}, next))).toEqual(ACCEPTED)
  })

  test('are chosen by kid; without one only if exactly one fits', async () => {
    const second = await newIssuerKey('second')
    const anonymous = { ...idp.key, kid: undefined as unknown as string }
    expect(await tried(await idp.sign(claims(), {}, anonymous))).toEqual(ACCEPTED)
    idp.publish([idp.key.public, second.public])
    const both = trusting()
    expect(await tried(await idp.sign(claims(), {}, anonymous), both)).toEqual(REFUSED)
    expect(await tried(await idp.sign(claims(), {}, { ...second, kid: 'first' }), both)).toEqual(REFUSED)
  })

  test.each<[string, Parameters<AssertionIssuer['answerKeys']>[0]]>([
    ['an error', (_request, response) => response.writeHead(500).end()],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/tenant/other' }).end()],
    ['another type', (_request, response) => response.end('<html>')],
    [
      'too much',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ keys: [], more: 'x'.repeat(1_000_000) }))
      },
    ],
    [
      'no key set',
      (_request, response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":7}'),
    ],
  ])('that cannot be had because of %s are 503, and never invalid_grant', async (_name, answer) => {
    idp.server.put('/tenant/other', { keys: [idp.key.public] })
    idp.answerKeys(answer)
    const response = await present(await idp.sign(claims()))
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    expect(reason()).toBe('issuer-keys-unavailable')
    idp.publish([idp.key.public])
    base.clock.ahead += 6
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
  })

  test('that are kept still serve until their time is over', async () => {
    idp.publish([idp.key.public], { 'cache-control': 'max-age=600' })
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
    idp.answerKeys((_request, response) => response.writeHead(500).end())
    base.clock.ahead += 590
    expect(await tried(await idp.sign(claims()))).toEqual(ACCEPTED)
    base.clock.ahead += 20
    expect(await tried(await idp.sign(claims()))).toEqual([503, 'temporarily_unavailable'])
    const asked = idp.asked.length
    for (let each = 0; each < 20; each++) await tried(await idp.sign(claims()))
    expect(idp.asked.length, 'a failure is remembered').toBe(asked)
  })
})

describe('the algorithm is one of the entry, never of the token', () => {
  test.each<[string, () => Promise<string> | string]>([
    ['none', () => new UnsecuredJWT(claims()).encode()],
    [
      'an algorithm that is not listed',
      async () => idp.sign(claims(), {}, await newIssuerKey('first', 'PS256')),
    ],
    [
      'a key embedded in the token',
      async () => {
        const own = await newIssuerKey('own')
        return idp.sign(claims(), { jwk: own.public }, own)
      },
    ],
    ['an address of keys', () => idp.sign(claims(), { jku: `${idp.server.origin}/mine` })],
    ['an address of a certificate', () => idp.sign(claims(), { x5u: `${idp.server.origin}/mine` })],
    [
      'the public key as a shared secret',
      () => {
        const secret = new TextEncoder().encode(JSON.stringify(idp.key.public))
        return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(secret)
      },
    ],
    [
      'an extension that must be understood',
      async () => {
        const [header, ...rest] = (await idp.sign(claims())).split('.')
        const changed = { ...JSON.parse(Buffer.from(header!, 'base64url').toString()), crit: ['exp'] }
        return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
      },
    ],
  ])('%s is refused without a fetch', async (_name, make) => {
    const assertion = await make()
    idp.asked.length = 0
    expect(await tried(assertion)).toEqual(REFUSED)
    expect(idp.asked).toEqual([])
    expect(reason()).toBe('assertion-signature')
  })

  test('a key that is too weak is refused, not an error', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const weak = { ...(await exportJWK(pair.publicKey)), kid: 'weak', alg: 'RS256' }
    const other = trusting({ jwks: { keys: [weak] } })
    expect(await tried(await idp.sign(claims(), { kid: 'weak' }), other)).toEqual(REFUSED)
  })
})

describe('a token is judged by its type', () => {
  test.each([
    'oauth-id-jag+jwt',
    'at+jwt',
    'application/at+jwt',
    'client-authentication+jwt',
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'kb+jwt',
    7,
  ])('%s is no token of a workload', async (typ) => {
    expect(await tried(await idp.sign(claims(), { typ }))).toEqual(REFUSED)
    expect(idp.asked).toEqual([])
  })

  test.each(['nonce', 'at_hash', 'c_hash', 'events'])('neither is one with %s', async (name) => {
    expect(await tried(await idp.sign(claims({ [name]: 'x' })))).toEqual(REFUSED)
    expect(reason()).toBe('assertion-type')
  })

  test.each(['JWT', 'jwt', 'application/JWT', undefined])('%s may be one', async (typ) => {
    expect(await tried(await idp.sign(claims(), typ === undefined ? {} : { typ }))).toEqual(ACCEPTED)
  })
})

describe('every fault gets the same answer', () => {
  test('byte by byte; the exact reason is in the event, and no log holds the assertion', async () => {
    const wrong: Record<string, unknown>[] = [
      { iss: 'https://other.example' },
      { aud: 'https://other.example' },
      { exp: now() - 600 },
      { iat: now() + 600 },
      { nbf: now() + 600 },
      { sub: '' },
      { sub: 'another job' },
      { exp: now() + 7200, iat: now() },
      { exp: `${now() + 60}` },
      { aud: [] },
    ]
    const bodies = new Set<string>()
    for (const changes of wrong) {
      const assertion = await idp.sign(claims(changes))
      const response = await present(assertion)
      bodies.add(`${response.status} ${await response.text()}`)
      expect(JSON.stringify(base.events)).not.toContain(assertion.slice(0, 30))
      expect(JSON.stringify(base.events)).not.toMatch(/eyJ/)
    }
    expect([...bodies]).toEqual([
      '400 {"error":"invalid_grant","error_description":"The assertion was not accepted"}',
    ])
    const refused = base.events.filter(({ type }) => type === 'refused')
    expect(refused).toHaveLength(wrong.length)
    const audience = refused.find(({ reason }) => reason === 'assertion-audience')?.detail
    expect(audience).toMatch(
      /expected http:\/\/localhost:8787.*received https:\/\/other\.example; iss .*sub [\w-]{22}, kid first/,
    )
  })

  test('and stores nothing', async () => {
    base.store.reset()
    for (const changes of [{ aud: 'x' }, { sub: 'other' }, { exp: 1 }])
      await tried(await idp.sign(claims(changes)))
    expect(base.store.writes).toBe(0)
  })
})

describe('a malformed token is refused, never an error:', () => {
  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  test.each<[string, Record<string, unknown>]>([
    ['exp as a text', { exp: '9999999999' }],
    ['exp as a boolean', { exp: true }],
    ['no exp', { exp: undefined }],
    ['iat as a text', { iat: 'now' }],
    ['nbf as a list', { nbf: [1] }],
    ['sub as a number', { sub: 7 }],
    ['sub as an object', { sub: {} }],
    ['aud as a number', { aud: 7 }],
    ['aud as an object', { aud: {} }],
    ['an audience that is no text', { aud: ['http://localhost:8787', 7] }],
  ])('%s', async (_name, changes) => {
    // The library would refuse to make some of them.
    const header = { alg: 'RS256', kid: 'first' }
    const body = `${part(header)}.${part(claims(changes))}`
    const signature = await crypto.subtle.sign(
      'RSASSA-PKCS1-v1_5',
      idp.key.private,
      new TextEncoder().encode(body),
    )
    expect(await tried(`${body}.${Buffer.from(signature).toString('base64url')}`)).toEqual(REFUSED)
  })

  test.each([' ', '\n', '\u00a0', '\u2003', '='])('%j before, inside or after it', async (blank) => {
    const good = await idp.sign(claims())
    for (const spelled of [
      blank + good,
      good + blank,
      good.replace('.', `${blank}.`),
      good.replace(/.{9}$/, `${blank}$&`),
    ])
      expect(await tried(spelled)).toEqual(REFUSED)
    expect(await tried(good)).not.toEqual(REFUSED)
  })

  test.each<[string, string]>([
    ['one part', 'abc'],
    ['two parts', 'a.b'],
    ['four parts', 'a.b.c.d'],
    ['five parts', 'a.b.c.d.e'],
    ['empty parts', '..'],
    ['a header that is a list', `${part([])}.${part({})}.x`],
    ['claims that are a list', `${part({ alg: 'RS256' })}.${part([])}.x`],
    ['claims that are null', `${part({ alg: 'RS256' })}.${part('null')}.x`],
    ['no JSON', `${part('{')}.${part('{')}.x`],
    ['no base64url', '€.€.€'],
    ['deep nesting', `${part('['.repeat(6000))}.${part('['.repeat(5000))}.x`],
    ['over 16 KiB', `${part({ alg: 'RS256' })}.${'a'.repeat(17_000)}.x`],
  ])('%s', async (_name, token) => {
    expect(await tried(token)).toEqual(REFUSED)
    expect(reason()).toBe('assertion-malformed')
  })
})

test('an assertion is accepted within the difference of both clocks', async () => {
  expect(await tried(await idp.sign(claims({ exp: now() - 50 })))).toEqual(ACCEPTED)
  expect(await tried(await idp.sign(claims({ iat: now() + 50, nbf: now() + 50 })))).toEqual(ACCEPTED)
  const exact = trusting({ clockSkew: 0 })
  expect(await tried(await idp.sign(claims({ exp: now() - 1 })), exact)).toEqual(REFUSED)
})
