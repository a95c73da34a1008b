import * as v from 'valibot'
import { defineProvider, oneOf, type ProviderFactory, withDefault } from './define.ts'
import { basicCredentials } from './parts/basic.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'
import { getJson, unknownUser } from './parts/who.ts'

const Userinfo = v.object({
  sub: v.string(),
  email: v.nullish(v.string()),
  emailVerified: v.nullish(v.boolean()),
  givenName: v.nullish(v.string()),
  familyName: v.nullish(v.string()),
})

const REALM = /^\d{1,20}$/

/**
 * Intuit QuickBooks Online. The callback names the company as `realmId`; the company's own API confirms it before it
 * counts. A user is identified within the company: `realm` is among the claims, and `org:` is its id. A refresh token
 * changes about once a day, and the one before works for another day.
 *
 * @see [QuickBooks](https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0)
 */
export const quickbooks: ProviderFactory<'required', { environment?: 'production' | 'sandbox' | undefined }> =
  defineProvider({
    id: 'quickbooks',
    name: 'QuickBooks',
    docs: 'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0',
    verified: '2026-11-27',
    confidence: 'medium',
    secret: 'required',
    inputs: { environment: withDefault(oneOf('production', 'sandbox'), 'production') },
    parts: ({ environment }) => {
      const prefix = environment === 'sandbox' ? 'sandbox-' : ''
      const issuer = 'https://oauth.platform.intuit.com/op/v1'
      const userinfo = `https://${prefix}accounts.platform.intuit.com/v1/openid_connect/userinfo`
      const revocation = 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke'
      return {
        publicAccounts: true,
        issuer,
        endpoints: {
          authorization: 'https://appcenter.intuit.com/connect/oauth2',
          token: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
          userinfo,
          revocation,
        },
        clientAuth: 'client_secret_basic',
        scopes: ['openid', 'profile', 'email', 'com.intuit.quickbooks.accounting'],
        // Its ID tokens have no nonce; userinfo says the same and more.
        idToken: false,
        pkce: false,
        rotation: 'maybe',
        callback: { params: ['realmId'] },
        manyTenants: true,
        verifiesEmail: true,
        rules: { ...ADDRESSES_ONLY, org: DIGITS },
        memberships: {},
        async identify({ tokens, callback, fetch }) {
          const realm = callback.realmId ?? ''
          if (!REALM.test(realm)) throw unknownUser('no realmId in the authorization response')
          const headers = { authorization: `Bearer ${tokens.accessToken}` }
          const said = v.parse(Userinfo, await getJson(fetch, userinfo, headers))
          // The browser carried the id: only a company that accepts the token is the right one.
          await getJson(
            fetch,
            `https://${prefix}quickbooks.api.intuit.com/v3/company/${realm}/companyinfo/${realm}`,
            headers,
          )
          const name = [said.givenName, said.familyName].filter(Boolean).join(' ')
          return {
            issuer,
            tenant: realm,
            subject: said.sub,
            name: name || undefined,
            email: said.email ?? undefined,
            emailVerified: said.emailVerified === true,
            claims: { realm, organizations: [realm] },
          }
        },
        async revoke({ tokens, client: { id, secret = '' }, fetch }) {
          const response = await fetch(revocation, {
            method: 'POST',
            headers: {
              accept: 'application/json',
              'content-type': 'application/json',
              authorization: basicCredentials({ id, secret }),
            },
            body: JSON.stringify({ token: tokens.refreshToken ?? tokens.accessToken }),
          })
          if (response.ok) return 'revoked'
          const said = (await response.json().catch(() => undefined)) as
            | { error?: unknown }
            | null
            | undefined
          return said?.error === 'invalid_grant' || said?.error === 'invalid_token' ? 'revoked' : 'failed'
        },
      }
    },
  })
