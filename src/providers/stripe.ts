import * as v from 'valibot'
import { defineProvider, oneOf, type ProviderFactory, withDefault } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'
import { getJson, unknownUser } from './parts/who.ts'

const Account = v.object({ stripe_user_id: v.string(), livemode: v.boolean() })
const WithId = v.object({ id: v.string() })

/** Returns Basic credentials with the secret key as user name and no password. */
const keyAsUser = (secret: string): string => `Basic ${btoa(`${secret}:`)}`

/**
 * Stripe, as a Stripe App (`kind: 'app'`, the default) or as a platform of Stripe Connect (`kind: 'connect'`). It names
 * an account, not a person: everyone who signs in for one account is one user. The secret is the secret key of the
 * developer's or platform's account. Test mode and live mode are different tenants. Tokens of Connect do not expire, and
 * its revocation disconnects the account. Tokens of a Stripe App live for one hour and end when it is uninstalled.
 *
 * @see [Stripe Apps](https://docs.stripe.com/stripe-apps/api-authentication/oauth)
 * @see [Stripe Connect](https://docs.stripe.com/connect/oauth-reference)
 */
export const stripe: ProviderFactory<'required', { kind?: 'app' | 'connect' | undefined }> = defineProvider({
  id: 'stripe',
  name: 'Stripe',
  docs: 'https://docs.stripe.com/stripe-apps/api-authentication/oauth',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  inputs: { kind: withDefault(oneOf('app', 'connect'), 'app') },
  parts: ({ kind }, { clientSecret = '' }) => {
    const isApp = kind === 'app'
    return {
      publicAccounts: true,
      issuer: 'https://stripe.com',
      callbackIssuer: 'ignore',
      endpoints: isApp
        ? {
            authorization: 'https://marketplace.stripe.com/oauth/v2/authorize',
            token: 'https://api.stripe.com/v1/oauth/token',
          }
        : {
            authorization: 'https://connect.stripe.com/oauth/authorize',
            token: 'https://connect.stripe.com/oauth/token',
          },
      authenticate({ headers, body }) {
        headers.set('authorization', keyAsUser(clientSecret))
        // Stripe's API refuses parameters that it does not document.
        body.delete('redirect_uri')
      },
      pkce: false,
      scopes: isApp ? [] : ['read_only'],
      sendScope: !isApp,
      ...(isApp && { expiry: { fallback: 3600 } }),
      rotation: isApp ? 'always' : 'never',
      manyTenants: true,
      verifiesEmail: false,
      rules: { ...ADDRESSES_ONLY, org: WORD },
      memberships: {},
      async identify({ answer }) {
        const said = v.safeParse(Account, answer)
        if (!said.success) throw unknownUser('no stripe_user_id and livemode in the token response')
        const { stripe_user_id: account, livemode } = said.output
        return {
          issuer: 'https://stripe.com',
          tenant: livemode ? 'live' : 'test',
          subject: account,
          emailVerified: false,
          claims: { account, livemode, organizations: [account] },
        }
      },
      revocation: isApp ? { style: 'none' } : { style: 'bearer', ends: 'authorization' },
      ...(!isApp && {
        async revoke({ tokens, client, fetch }) {
          const authorization = `Bearer ${tokens.accessToken}`
          const own = await getJson(fetch, 'https://api.stripe.com/v1/account', { authorization })
          const { id } = v.parse(WithId, own)
          const response = await fetch('https://connect.stripe.com/oauth/deauthorize', {
            method: 'POST',
            headers: { accept: 'application/json', authorization: keyAsUser(clientSecret) },
            body: new URLSearchParams({ client_id: client.id, stripe_user_id: id }),
          })
          return response.ok ? 'revoked' : 'failed'
        },
      }),
    }
  },
})
