import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { CompactEncrypt, SignJWT, UnsecuredJWT } from 'jose'
import { connect, outcome, redeemParams, refreshParams, register, signIn } from '../../support/system.ts'
import { type Attacks, events, exchanges, opens, readTokens, store, stored, systemOf } from '../target.ts'

/** Longer than the moment in which a code may come twice, and than the grace of `entries/app.js`. */
const LATER = 3100

/** Codes and tokens, from the first exchange to the end of a grant. */
export const tokenAttacks: Attacks = {
  async 'T21 a code comes only with S256, and goes only for its verifier'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const challenges: Record<string, string | undefined>[] = [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge_method: 'plain' },
      { code_challenge_method: undefined },
      { code_challenge: 'short' },
    ]
    for (const params of challenges) {
      const query = new URLSearchParams({ response_type: 'code', client_id: client.id, state: 's' })
      query.set('redirect_uri', client.redirectUri)
      const all = { code_challenge: 'c'.repeat(43), code_challenge_method: 'S256', ...params }
      for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
      const response = await system.call(`/authorize?${query}`)
      const answer = new URL(response.headers.get('location') ?? 'missing:')
      assert.equal(answer.searchParams.get('error'), 'invalid_request', JSON.stringify(params))
    }
    const redeem = redeemParams(client, await signIn(system, client))
    const { code_verifier: _, ...without } = redeem
    assert.equal((await system.post('/token', without)).status, 400)
    const wrong = await system.post('/token', { ...redeem, code_verifier: 'w'.repeat(43) })
    assert.deepEqual(await outcome(wrong), [400, 'invalid_grant'])
    await readTokens(await system.post('/token', redeem))
  },

  async 'T22 a code is of no use to another client, for another place or another server'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const evil = await register(system)
    const redeem = redeemParams(client, await signIn(system, client))
    const wrong: Record<string, string>[] = [
      { client_id: evil.id },
      { redirect_uri: 'http://127.0.0.1:9999/callback' },
      { redirect_uri: 'https://evil.example/cb' },
      { resource: `${target.url}/other` },
    ]
    for (const params of wrong) {
      const [status, code] = await outcome(await system.post('/token', { ...redeem, ...params }))
      assert.equal(status, 400)
      assert.ok(code === 'invalid_grant' || code === 'invalid_target', code)
    }
    // What was tried with it does not take it from its owner.
    await readTokens(await system.post('/token', redeem))
  },

  async 'T23 of twenty redemptions one succeeds, and a later one ends what it gave'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const redeem = redeemParams(client, await signIn(system, client))
    const racing = Array.from({ length: 20 }, () => system.post('/token', redeem))
    const answers = await Promise.all(racing)
    const won = answers.filter(({ status }) => status === 200)
    assert.equal(won.length, 1)
    const tokens = await readTokens(won[0]!)
    assert.ok(await opens(system, tokens.access_token))
    await sleep(LATER)
    assert.deepEqual(await outcome(await system.post('/token', redeem)), [400, 'invalid_grant'])
    assert.ok(!(await opens(system, tokens.access_token)), 'its token still works')
    const refresh = await system.post('/token', refreshParams(client, tokens.refresh_token))
    assert.deepEqual(await outcome(refresh), [400, 'invalid_grant'])
  },

  async 'T24 an old refresh token ends the grant, and another client’s is of no use'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system)
    const evil = await register(system)
    const stolen = await system.post('/token', refreshParams(evil, tokens.refresh_token))
    assert.deepEqual(await outcome(stolen), [400, 'invalid_grant'])
    const second = await readTokens(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    await sleep(LATER)
    const third = await readTokens(await system.post('/token', refreshParams(client, second.refresh_token)))
    const replay = await system.post('/token', refreshParams(client, tokens.refresh_token))
    assert.deepEqual(await outcome(replay), [400, 'invalid_grant'])
    for (const token of [tokens, second, third]) assert.ok(!(await opens(system, token.access_token)))
    const last = await system.post('/token', refreshParams(client, third.refresh_token))
    assert.deepEqual(await outcome(last), [400, 'invalid_grant'])
  },

  async 'T25 ten refreshes at once all succeed, with one successor'(target) {
    const system = systemOf(target)
    const twin = systemOf(target, 'twin')
    const { client, tokens } = await connect(system)
    const asked = exchanges(target)
    const racing = Array.from({ length: 10 }, async (_, n) =>
      readTokens(await (n % 2 ? twin : system).post('/token', refreshParams(client, tokens.refresh_token))),
    )
    const successors = new Set((await Promise.all(racing)).map((answer) => answer.refresh_token))
    assert.equal(successors.size, 1)
    assert.ok(exchanges(target) - asked <= 1, 'the provider was asked more than once')
    await readTokens(await system.post('/token', refreshParams(client, [...successors][0]!)))
  },

  async 'T28 neither side’s tokens are known on the other'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system, { params: { resource: `${target.url}/other` } })
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const { token: upstream } = (await (await system.call('/other', { headers })).json()) as { token: string }
    assert.ok(upstream.length > 20)
    for (const path of ['/mcp', '/other']) assert.ok(!(await opens(system, upstream, path)))
    const next = await readTokens(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    await system.post('/revoke', { client_id: client.id, token: next.refresh_token })
    await sleep(300)
    const received = target.provider.received.join('\n')
    for (const ours of [tokens, next])
      for (const token of [ours.access_token, ours.refresh_token])
        assert.ok(!received.includes(token), 'the provider got a token of ours')
  },

  async 'T28 the server behind does not get the client’s token'(target) {
    const system = systemOf(target)
    const { tokens } = await connect(system)
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const seen = await (await system.call('/mcp/headers', { headers })).text()
    assert.ok(!seen.includes(tokens.access_token))
  },

  async 'T29 a token is for one server'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system)
    assert.ok(await opens(system, tokens.access_token))
    assert.ok(!(await opens(system, tokens.access_token, '/other')))
    const params = { ...refreshParams(client, tokens.refresh_token), resource: `${target.url}/other` }
    assert.deepEqual(await outcome(await system.post('/token', params)), [400, 'invalid_target'])
  },

  async 'T30 nothing forged, and no token of another kind, passes as an access token'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const { code, verifier } = await signIn(system, client)
    const tokens = await readTokens(await system.post('/token', redeemParams(client, { code, verifier })))
    const claims = { iss: target.url, aud: `${target.url}/mcp`, sub: 'x', client_id: client.id, scope: 'mcp' }
    const key = new TextEncoder().encode('the former secret of the tests, long enough')
    const sign = (typ: string) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(key)
    const access = tokens.access_token
    const altered = (at: number) =>
      `${access.slice(0, at)}${access[at] === 'A' ? 'B' : 'A'}${access.slice(at + 1)}`
    const forged = [
      new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('1h').encode(),
      await sign('at+jwt'),
      await sign('JWT'),
      tokens.refresh_token,
      code,
      await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt' })
        .encrypt(key.subarray(0, 32)),
      // The name of the key, the nonce, what is sealed, and the tag.
      ...[0, 6, 60, access.length - 12].map(altered),
      `${access}x`,
      access.slice(0, -2),
      access.slice(4),
      'a.b.c.d.e',
    ]
    for (const token of forged) assert.ok(!(await opens(system, token)), token.slice(0, 40))
    assert.ok(await opens(system, tokens.access_token))
  },

  async 'T31 a refresh narrows and never widens'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system, { params: { scope: 'mcp' } })
    assert.equal(tokens.scope, 'mcp')
    const params = { ...refreshParams(client, tokens.refresh_token), scope: 'mcp admin' }
    assert.deepEqual(await outcome(await system.post('/token', params)), [400, 'invalid_scope'])
    await readTokens(await system.post('/token', { ...params, scope: 'mcp' }))
  },

  async 'T34 a copy of the storage holds nothing that works'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const { code, verifier } = await signIn(system, client, { login: 'grace' })
    const secrets = [code.split('.')[2]!]
    const tokens = await readTokens(await system.post('/token', redeemParams(client, { code, verifier })))
    const received = target.provider.received.flatMap((body) => new URLSearchParams(body).getAll('code'))
    secrets.push(tokens.access_token, tokens.refresh_token, target.provider.clientSecret, 'grace@example.com')
    const dump = JSON.stringify(await stored(target))
    for (const secret of [...secrets, ...received]) assert.ok(!dump.includes(secret))
  },

  async 'T34 what is sealed for one record does not open in another'(target) {
    const system = systemOf(target)
    const resource = `${target.url}/other`
    const [victim, thief] = [
      await connect(system, { login: 'victim', params: { resource } }),
      await connect(system, { login: 'thief', params: { resource } }),
    ]
    const keyOf = ({ tokens }: typeof victim) =>
      `grant:${tokens.refresh_token.split('.').slice(0, 2).join(':')}`
    const records = await stored(target)
    const [from, to] = [records[keyOf(victim)], records[keyOf(thief)]]
    assert.ok(from && to)
    await store(target, keyOf(thief), { ...to, upstream: from.upstream, identity: from.identity })
    const twin = systemOf(target, 'twin')
    const headers = { authorization: `Bearer ${thief.tokens.access_token}` }
    const response = await twin.call('/other', { headers })
    assert.notEqual(response.status, 200, await response.text())
  },

  async 'T35 a new secret locks nobody out, and a retired one opens nothing'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system)
    const rotated = systemOf(target, 'rotated')
    const retired = systemOf(target, 'retired')
    assert.ok(!(await opens(retired, tokens.access_token)))
    assert.ok(await opens(rotated, tokens.access_token))
    const next = await readTokens(await rotated.post('/token', refreshParams(client, tokens.refresh_token)))
    assert.ok(await opens(rotated, next.access_token))
    const lost = await retired.post('/token', refreshParams(client, tokens.refresh_token))
    assert.ok(lost.status === 400 || lost.status === 401, `status ${lost.status}`)
  },

  async 'T36 what the provider says in errors stays with us'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const canary = `canary-${crypto.randomUUID()}`
    const [before] = [await events(target)]
    target.provider.failNext('/token', {
      status: 400,
      body: { error: 'invalid_grant', error_description: canary },
    })
    const failed = await signIn(system, client).catch((error: Error) => error)
    const said = failed instanceof Error ? failed.message : failed.answer.href
    assert.ok(!said.includes(canary))
    target.provider.failNext('/token', { status: 500, body: { error: canary, stack: canary } })
    const crashed = await signIn(system, client).catch((error: Error) => error)
    assert.ok(!(crashed instanceof Error ? crashed.message : crashed.answer.href).includes(canary))
    const log = await events(target)
    assert.ok(log.length > before.length)
    assert.ok(!JSON.stringify(log).includes(canary), 'the log holds it')
    assert.ok(!JSON.stringify(await stored(target)).includes(canary))
  },

  async 'T37 a revoked grant is over at once, here and at the provider'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system)
    assert.ok(await opens(systemOf(target, 'twin'), tokens.access_token))
    const asked = target.provider.received.length
    const revoked = await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    assert.equal(revoked.status, 200)
    assert.ok(!(await opens(system, tokens.access_token)))
    assert.ok(!(await opens(systemOf(target, 'twin'), tokens.access_token)))
    for (let waited = 0; waited < 2000; waited += 50) {
      if (target.provider.requests.includes('POST /token/revocation')) break
      await sleep(50)
    }
    const bodies = target.provider.received.slice(asked).map((body) => new URLSearchParams(body).get('token'))
    assert.ok(bodies.some((token) => token !== null && token !== tokens.refresh_token))
  },
}
