import { SignJWT } from 'jose/jwt/sign'
import { importPKCS8 } from 'jose/key/import'
import { seconds } from '../timing.ts'
import { defineProvider, type Input, type ProviderFactory, text } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

const ISSUER = 'https://appleid.apple.com'
/** The key that Apple issued, and its owner. */
export interface AppleOptions {
  teamId: string
  keyId: string
  /** The content of the key file, in PEM form. */
  privateKey: string
}

const id = text('the ten letters and digits that Apple shows', /^[A-Z0-9]{10}$/)
const pem = text('a private key in PEM form, PKCS #8', /^-----BEGIN PRIVATE KEY-----/)
/** In an environment variable, `\\n` may stand for a new line. */
const privateKey: Input<string, string, true> = {
  ...pem,
  read: (value) => pem.read(value).replaceAll('\\n', '\n'),
}

/**
 * Sign in with Apple: identity only, its access token opens no API. The client secret is a JWT that is signed for each
 * request. Apple posts the authorization response as a form. The name comes only with the first sign-in, outside the
 * ID token, and is not read. PKCE is not documented, so it is not sent.
 *
 * @see [Sign in with Apple](https://developer.apple.com/documentation/signinwithapplerestapi)
 */
export const apple: ProviderFactory<'none', AppleOptions> = defineProvider({
  id: 'apple',
  name: 'Apple',
  docs: 'https://developer.apple.com/documentation/signinwithapplerestapi',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'none',
  inputs: {
    teamId: id,
    keyId: id,
    privateKey,
  },
  parts: ({ teamId, keyId, privateKey }, { clientId }) => ({
    publicAccounts: true,
    issuer: ISSUER,
    issuerRule: { type: 'aliases', aliases: ['https://account.apple.com'] },
    discovery: true,
    scopes: ['name', 'email'],
    idToken: true,
    accountPrompt: false,
    responseMode: 'form_post',
    pkce: false,
    rotation: 'never',
    rules: ADDRESSES_ONLY,
    identity: { from: 'id_token', subject: 'sub', email: 'email', emailVerified: 'email_verified' },
    async authenticate({ body, now }) {
      const secret = await new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(teamId)
        .setSubject(clientId)
        .setAudience(ISSUER)
        .setIssuedAt(now)
        .setExpirationTime(now + seconds.appleSecret)
        .sign(await importPKCS8(privateKey, 'ES256'))
      body.set('client_id', clientId)
      body.set('client_secret', secret)
    },
  }),
})
