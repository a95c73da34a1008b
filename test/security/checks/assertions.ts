import assert from 'node:assert/strict'
import { decodeJwt, exportSPKI, importJWK, type JWK, SignJWT, UnsecuredJWT } from 'jose'
import { connect, outcome, redeemParams, register, signIn } from '../../support/system.ts'
import { type Key, newKey } from '../key.ts'
import { type Attacks, events, opens, readTokens, stored, systemOf, type Target } from '../target.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const PERSON = { alg: 'ES256', kid: 'one', typ: 'oauth-id-jag+jwt' }
const WORKLOAD = { alg: 'ES256', kid: 'one', typ: 'JWT' }
const REFUSED = [400, 'invalid_grant']

type Claims = Record<string, unknown>

const now = () => Math.floor(Date.now() / 1000)
const times = () => ({ iat: now(), exp: now() + 120, jti: crypto.randomUUID() })

/** The claims of a person for the client `secretive`, right but for `changes`. */
const personal = ({ url }: Target, changes: Claims = {}): Claims => ({
  iss: 'https://idp.example',
  sub: 'ann',
  aud: url,
  client_id: 'secretive',
  resource: `${url}/mcp`,
  ...times(),
  ...changes,
})

/** The claims of the workload that has a rule, right but for `changes`. */
const technical = ({ url }: Target, changes: Claims = {}): Claims => ({
  iss: 'https://ci.example',
  sub: 'deploy',
  aud: url,
  ...times(),
  ...changes,
})

const sign = (key: Key, claims: Claims, header: { alg: string } & Claims = PERSON) =>
  new SignJWT(claims).setProtectedHeader(header).sign(key.private)

const present = (
  target: Target,
  assertion: string,
  more: Record<string, string> = {},
  instance: 'issuers' | 'issuersTwin' = 'issuers',
) =>
  systemOf(target, instance).post('/token', {
    grant_type: GRANT,
    client_id: 'secretive',
    client_secret: 'the secret of a client',
    assertion,
    ...more,
  })

const tried = async (target: Target, assertion: string) => outcome(await present(target, assertion))

/** The public key as texts that a careless verifier would take for a shared secret. */
async function asSecrets({ jwks }: Key): Promise<Uint8Array[]> {
  const [jwk] = jwks.keys as JWK[]
  const key = (await importJWK({ ...jwk, ext: true }, 'ES256')) as CryptoKey
  return [JSON.stringify(jwk), await exportSPKI(key)].map((text) => new TextEncoder().encode(text))
}

/** Assertions of other issuers, tokens that others can verify, and tokens for servers behind. */
export const assertionAttacks: Attacks = {
  async 'T64 an assertion gives one token, however often and wherever it is shown'(target) {
    const assertion = await sign(target.key, personal(target))
    const racing = Array.from({ length: 20 }, (_, n) =>
      present(target, assertion, {}, n % 2 ? 'issuersTwin' : 'issuers'),
    )
    const answers = await Promise.all(racing)
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const answer of answers) if (answer.status !== 200) assert.deepEqual(await outcome(answer), REFUSED)
    assert.deepEqual(await tried(target, assertion), REFUSED)
    // A refusal of another client does not use it up for its own.
    const next = await sign(target.key, personal(target))
    const secretless = await present(target, next, { client_secret: 'a wrong secret of a client' })
    assert.deepEqual(await outcome(secretless), [401, 'invalid_client'])
    const { access_token, refresh_token } = await readTokens(await present(target, next))
    assert.ok(await opens(systemOf(target, 'issuers'), access_token))
    assert.equal(refresh_token, undefined)
  },

  async 'T65 an assertion for another server, client, resource or time gives nothing, and leaves no trace'(
    target,
  ) {
    const { url } = target
    const wrong: Claims[] = [
      ...[
        `${url}/`,
        `${url}/token`,
        `${url}/mcp`,
        'https://evil.example',
        [url, 'https://evil.example'],
        [],
      ].map((aud) => ({ aud })),
      { client_id: 'reader' },
      { client_id: ['secretive'] },
      { resource: 'https://evil.example/mcp' },
      { cnf: { jkt: 'x' } },
      { authorization_details: [{ type: 'x' }] },
      { exp: now() - 300, iat: now() - 600 },
      { exp: now() + 86_400 },
      { exp: `${now() + 120}` },
      { jti: '' },
    ]
    const before = Object.keys(await stored(target)).length
    for (const changes of wrong) {
      const assertion = await sign(target.key, personal(target, changes))
      assert.deepEqual(await tried(target, assertion), REFUSED, JSON.stringify(changes))
    }
    assert.equal(Object.keys(await stored(target)).length, before)
    assert.doesNotMatch(JSON.stringify(await events(target)), /eyJ[\w-]{8,}\.eyJ/)
  },

  async 'T66 neither the algorithm nor the key is the token’s choice'(target) {
    const stranger = await newKey()
    const [publicKey] = stranger.jwks.keys
    const led = `${target.documents.origin}/led-astray`
    const asked = target.documents.asked.length
    const claims = personal(target)
    const forged = [
      await sign(stranger, claims),
      await sign(stranger, claims, { ...PERSON, kid: 'another' }),
      await sign(stranger, claims, { ...PERSON, jku: led }),
      await sign(stranger, claims, { ...PERSON, x5u: led }),
      await sign(stranger, claims, { ...PERSON, jwk: publicKey }),
      // A right signature does not make these right.
      await sign(target.key, claims, { ...PERSON, jku: led }),
      await sign(target.key, claims, { ...PERSON, jwk: publicKey }),
    ]
    for (const secret of await asSecrets(target.key))
      forged.push(
        await new SignJWT(claims).setProtectedHeader({ ...PERSON, alg: 'HS256' }).sign(secret),
        await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: PERSON.typ }).sign(secret),
      )
    const [, body] = new UnsecuredJWT(claims).encode().split('.')
    for (const alg of ['none', 'None', 'NONE'])
      forged.push(`${Buffer.from(JSON.stringify({ ...PERSON, alg })).toString('base64url')}.${body}.`)
    const [head, , signature] = (await sign(target.key, claims)).split('.')
    const { sub: _, ...rest } = claims
    const altered = Buffer.from(JSON.stringify({ ...rest, sub: 'admin' })).toString('base64url')
    forged.push(`${head}.${altered}.${signature}`)
    for (const assertion of forged) assert.deepEqual(await tried(target, assertion), REFUSED, assertion)
    assert.equal(target.documents.asked.length, asked, 'an address in a token was fetched')
    await readTokens(await present(target, await sign(target.key, claims)))
  },

  async 'T67 an issuer is trusted for its own use only, and one that is not listed causes no request'(
    target,
  ) {
    const asked = target.documents.asked.length
    const issuers = [
      'https://idp.example/',
      'https://IDP.example',
      'https://idp.example.evil.example',
      target.documents.origin,
      target.url,
      ['https://idp.example'],
      undefined,
    ]
    for (const iss of issuers)
      assert.deepEqual(
        await tried(target, await sign(target.key, personal(target, { iss }))),
        REFUSED,
        String(iss),
      )
    // The platform of the workloads vouches for no person, and the company for no workload.
    const person = await sign(target.key, personal(target, { iss: 'https://ci.example' }))
    assert.deepEqual(await tried(target, person), REFUSED)
    const system = systemOf(target, 'issuers')
    const anonymous = (assertion: string) => system.post('/token', { grant_type: GRANT, assertion })
    const wrong: Claims[] = [
      { iss: 'https://idp.example' },
      { sub: 'deploy2' },
      { sub: 'Deploy' },
      { sub: ['deploy'] },
    ]
    for (const changes of wrong) {
      const assertion = await sign(target.key, technical(target, changes), WORKLOAD)
      assert.deepEqual(await outcome(await anonymous(assertion)), REFUSED, JSON.stringify(changes))
    }
    assert.equal(target.documents.asked.length, asked)
    await readTokens(await anonymous(await sign(target.key, technical(target), WORKLOAD)))
  },

  async 'T68 a token of one kind is of no use as one of another, or at another server'(target) {
    const system = systemOf(target, 'issuers')
    const { client, tokens } = await connect(system)
    const response = await system.call('/mcp/headers', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    const { 'x-lockgate-assertion': identity } = (await response.json()) as Record<string, string>
    assert.match(identity ?? '', /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
    const person = await sign(target.key, personal(target))
    const workload = await sign(target.key, technical(target), WORKLOAD)
    const forged = await sign(
      target.key,
      { ...personal(target), aud: `${target.url}/mcp`, scope: 'mcp' },
      {
        alg: 'ES256',
        kid: 'one',
        typ: 'at+jwt',
      },
    )
    for (const bearer of [identity!, person, workload, forged])
      assert.ok(!(await opens(system, bearer)), 'it opened the server')
    assert.ok(await opens(system, tokens.access_token))
    assert.ok(!(await opens(system, tokens.access_token, '/second/headers')), 'it opened another server')
    for (const assertion of [identity!, tokens.access_token, forged])
      assert.deepEqual(await tried(target, assertion), REFUSED)
    for (const proof of [identity!, tokens.access_token, person, workload]) {
      const redeem = { ...redeemParams(client, await signIn(system, client)), client_id: 'signing' }
      const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      const proven = await system.post('/token', {
        ...redeem,
        client_assertion_type: type,
        client_assertion: proof,
      })
      assert.deepEqual(await outcome(proven), [401, 'invalid_client'])
    }
    for (const refresh_token of [identity!, tokens.access_token, person]) {
      const refreshed = await system.post('/token', {
        grant_type: 'refresh_token',
        client_id: client.id,
        refresh_token,
      })
      assert.deepEqual(await outcome(refreshed), REFUSED)
    }
  },

  async 'T69 a client chooses neither the audience nor the scope of an exchanged token'(target) {
    const system = systemOf(target, 'issuers')
    const resource = `${target.url}/exchanged`
    const client = await register(system)
    const chosen = { audience: 'api://payroll', requested_token_type: 'x', scope: 'mcp admin' }
    const redeem = redeemParams(client, await signIn(system, client, { params: { resource, scope: 'mcp' } }))
    const tokens = await readTokens(await system.post('/token', { ...redeem, ...chosen }))
    const call = (token: string, query = '') =>
      system.call(`/exchanged/headers${query}`, { headers: { authorization: `Bearer ${token}` } })
    target.provider.exchanges.length = 0
    const answered = await call(tokens.access_token, `?${new URLSearchParams(chosen)}`)
    assert.equal(answered.status, 200)
    const { authorization } = (await answered.json()) as { authorization: string }
    assert.notEqual(authorization, `Bearer ${tokens.access_token}`)
    const [asked, ...others] = target.provider.exchanges
    assert.deepEqual(others, [])
    assert.deepEqual([asked?.params.audience, asked?.params.scope], ['api://tools', 'tools.read'])
    assert.notEqual(authorization, `Bearer ${asked?.params.subject_token}`, 'the wide token arrived')
    // Without an exchanged token nothing arrives, least of all the wide one.
    const again = await connect(system, { params: { resource, scope: 'mcp' } })
    target.provider.failNext('/token', { status: 400, body: { error: 'invalid_target' } })
    const refused = await call(again.tokens.access_token)
    assert.equal(refused.status, 502)
    assert.doesNotMatch(await refused.text(), /authorization|Bearer/)
  },

  async 'T70 a token tells what its own assertion said, at every instance and in any order'(target) {
    const groupsOf = async (instance: 'issuers' | 'issuersTwin', token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await systemOf(target, instance).call('/mcp/headers', { headers })
      assert.equal(response.status, 200)
      const { 'x-lockgate-assertion': identity } = (await response.json()) as Record<string, string>
      return decodeJwt(identity!).groups ?? []
    }
    const issued: { token: string; groups: string[] }[] = []
    for (const groups of [['staff'], ['admins', 'staff'], [], ['staff'], ['admins']]) {
      const assertion = await sign(target.key, personal(target, { groups }))
      const { access_token: token } = await readTokens(await present(target, assertion))
      // Some tokens are known to an instance before the next exchange.
      if (issued.length % 2 === 0) assert.deepEqual(await groupsOf('issuers', token), groups)
      issued.push({ token, groups })
    }
    for (const { token, groups } of [...issued, ...issued.reverse()])
      for (const instance of ['issuers', 'issuersTwin'] as const)
        assert.deepEqual(await groupsOf(instance, token), groups, instance)
  },
}
