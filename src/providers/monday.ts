import * as v from 'valibot'
import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'
import { unknownUser } from './parts/who.ts'

const API = 'https://api.monday.com/v2'
const Id = v.union([v.string(), v.pipe(v.number(), v.safeInteger())])
const Me = v.object({
  id: Id,
  name: v.nullish(v.string()),
  email: v.nullish(v.string()),
  is_verified: v.nullish(v.boolean()),
  account: v.object({ id: Id, slug: v.nullish(v.string()) }),
})
const Answer = v.object({ data: v.object({ me: Me }) })

/**
 * monday.com, with OAuth 2.1, which new apps have: JSON requests, PKCE, access tokens that expire, and refresh tokens that
 * change. Older apps switch it on for each version. An admin installs the app first. A user is identified within the
 * account. `org:` is the account's id or its slug. Its API takes the token without `Bearer`.
 *
 * @see [monday.com](https://developer.monday.com/apps/docs/oauth-2-1)
 */
export const monday: ProviderFactory<'required'> = defineProvider({
  id: 'monday',
  name: 'monday.com',
  docs: 'https://developer.monday.com/apps/docs/oauth-2-1',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://auth.monday.com',
    callbackIssuer: 'ignore',
    endpoints: {
      authorization: 'https://auth.monday.com/oauth2/authorize',
      token: 'https://auth.monday.com/oauth_ms/oauth/token',
      revocation: 'https://auth.monday.com/oauth_ms/oauth/revoke',
    },
    clientAuth: 'client_secret_post',
    requestBody: 'json',
    scopes: ['me:read', 'account:read'],
    // Not every response has `expires_in`; the token itself says when it ends.
    expiry: { from: 'jwt' },
    rotation: 'always',
    manyTenants: true,
    verifiesEmail: true,
    rules: { ...ADDRESSES_ONLY, org: WORD },
    memberships: {},
    identifiesTokens: true,
    async identify({ tokens, fetch }) {
      const response = await fetch(API, {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          authorization: tokens.accessToken,
        },
        body: JSON.stringify({ query: '{ me { id name email is_verified account { id slug } } }' }),
      })
      if (!response.ok) throw unknownUser(`monday.com answered ${response.status}`)
      const said = v.safeParse(Answer, await response.json())
      if (!said.success) throw unknownUser('no user in the response of monday.com')
      const { id, name, email, is_verified, account } = said.output.data.me
      return {
        issuer: 'https://auth.monday.com',
        tenant: String(account.id),
        subject: String(id),
        name: name ?? undefined,
        email: email ?? undefined,
        emailVerified: is_verified === true,
        claims: {
          account: String(account.id),
          organizations: [String(account.id), ...(account.slug ? [account.slug] : [])],
        },
      }
    },
  },
})
