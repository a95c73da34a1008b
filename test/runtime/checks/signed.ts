import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { signedIn } from '../peer.ts'
import type { Checks } from '../suite.ts'

/** Tokens and identities that others verify. */
export const signedChecks: Checks = {
  async 'a signed token and the identity behind verify with the published keys, and an altered one is refused'(
    peer,
  ) {
    const session = await signedIn(peer, '/signed')
    const token = session.tokens.access_token
    const keys = createRemoteJWKSet(new URL(`${peer.url}/jwks`))
    const issuer = peer.url
    const own = await jwtVerify(token, keys, { issuer, audience: `${peer.url}/signed`, typ: 'at+jwt' })
    const response = await session.stream('/headers', { headers: { x_lockgate_assertion: 'forged' } })
    assert.equal(response.status, 200, await response.clone().text())
    const headers = (await response.json()) as Record<string, string>
    const assertion = headers['x-lockgate-assertion'] ?? ''
    const audience = new URL(peer.behind.url).origin
    const identity = await jwtVerify(assertion, keys, { issuer, audience, typ: 'lockgate-identity+jwt' })
    assert.equal(identity.payload.sub, own.payload.sub)
    assert.equal(JSON.stringify(headers).includes('forged'), false)
    assert.equal(decodeProtectedHeader(assertion).alg, 'ES256')
    const [header, body] = token.split('.')
    const altered = { authorization: `Bearer ${header}.${body}.AAAA` }
    assert.equal((await session.stream('/headers', { headers: altered })).status, 401)
  },
}
