import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createSealedClients } from '../../src/clients/sealed-clients.ts'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { makeKey, readJwk } from '../../src/crypto/signing-key.ts'
import { newGrantKey } from '../../src/grants/grant-key.ts'
import { configuredKeys } from '../../src/signing/key-source.ts'
import { createSigner } from '../../src/signing/signer.ts'
import { type AccessClaims, createAccessTokens } from '../../src/tokens/access-token.ts'
import { newCode, parseCode } from '../../src/tokens/codes.ts'
import { parseRefreshToken, refreshToken } from '../../src/tokens/refresh-token.ts'
import { createSignedTokens } from '../../src/tokens/signed-token.ts'

const keyring = createKeyring([
  'a secret of the tests, long enough to be one',
  'the one before it, which is as long',
])
const sealer = createSealer(keyring, 'https://mcp.test')
const now = 1_700_000_000
const grant = newGrantKey('u'.repeat(22))

/** Another text: one character replaced, left out, put in, or two exchanged. */
const changed = (original: string) =>
  fc
    .tuple(
      fc.nat(original.length - 1),
      fc.constantFrom('replace', 'remove', 'insert', 'flip'),
      fc.oneof(
        fc.constantFrom(...'AZaz09-_.=+/ '),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      fc.nat(7),
    )
    .map(([at, how, character, bit]) => {
      const flipped = String.fromCharCode(original.charCodeAt(at) ^ (1 << bit))
      const put = { replace: character, remove: '', insert: character + original[at], flip: flipped }[how]
      return original.slice(0, at) + put + original.slice(at + 1)
    })
    .filter((text) => text !== original)

const sealed = sealer.seal('consent', 'form', { some: 'value', of: ['any', 'kind'] })

/** Nothing opens what was changed, nor under another purpose or place. */
export const sealedValues = fc.property(changed(sealed), (text) => {
  assert.equal(sealer.open('consent', 'form', text), undefined)
})
export const sealedPlaces = fc.property(
  fc.constantFrom('registration' as const, 'sign-in' as const, 'grant' as const, 'consent' as const),
  fc.string({ maxLength: 10 }),
  (purpose, place) => {
    if (purpose === 'consent' && place === 'form') return
    assert.equal(sealer.open(purpose, place, sealed), undefined)
  },
)

const clients = createSealedClients({ keyring, sealer, now: () => now, ttl: undefined, scopes: ['mcp'] })
const clientId = clients.register({
  name: 'Client',
  redirectUris: ['https://client.test/cb'],
  authMethod: 'none',
  refreshes: true,
  scope: undefined,
}).id

export const clientIds = fc.property(fc.oneof(changed(clientId), fc.string({ maxLength: 60 })), (id) => {
  assert.equal(clients.open(id), undefined)
})

const { code } = newCode(grant)
const refresh = refreshToken(keyring, grant, 3)
const noise = fc.oneof(fc.string({ maxLength: 120 }), fc.string({ unit: 'binary', maxLength: 60 }))

/** A code may be another's, but what is no code is none; a refresh token that was changed is none at all. */
export const codesAndRefreshTokens = fc.property(
  fc.oneof(changed(code), noise),
  fc.oneof(changed(refresh), noise),
  (one, other) => {
    const parsed = parseCode(one)
    if (parsed) assert.match(one, /^[\w-]+\.[\w-]+\.[\w-]{27}$/)
    assert.equal(parseRefreshToken(keyring, other), undefined)
  },
)

const accessTokens = createAccessTokens(sealer, 'https://proxy.test')
const claims: AccessClaims = {
  key: grant,
  epoch: 0,
  client: 'client',
  resource: 'https://proxy.test/mcp',
  scope: ['mcp'],
  issuedAt: now,
  expiresAt: now + 3600,
}
const issued = accessTokens.issue(claims)
assert.deepEqual(accessTokens.open(issued, now), claims)

export const accessTokenTexts = fc.property(fc.oneof(changed(issued), noise), (token) => {
  assert.equal(accessTokens.open(token, now), undefined)
})

const ISSUER = 'https://proxy.test'
const signer = createSigner(configuredKeys([readJwk(await makeKey('ES256'))]), ISSUER)
const signedTokens = createSignedTokens({ signer, issuer: ISSUER, emit: () => {} })
const user = { id: grant.user, emailVerified: false, claims: {} }
const signed = await signedTokens.issue(claims, { alg: 'ES256', ttl: 600, claims: [] }, user)
assert.equal((await signedTokens.open(signed, now))?.resource, claims.resource)

/** A signature of ECDSA can be spelled in more than one way only by the spare bits of its last character. */
export const signedTokenTexts = fc.asyncProperty(fc.oneof(changed(signed), noise), async (token) => {
  assert.equal(await signedTokens.open(token, now), undefined)
})
