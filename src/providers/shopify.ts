import * as v from 'valibot'
import { defineProvider, label, oneOf, type ProviderFactory, withDefault } from './define.ts'
import { ADDRESSES_ONLY, exactly } from './parts/rule-names.ts'
import { isSignedByHmac } from './parts/signed-callback.ts'
import { unknownUser } from './parts/who.ts'

/** The options of a Shopify shop. */
export interface ShopifyOptions {
  /** The name before `.myshopify.com`. */
  shop: string
  /**
   * `online` signs in a member of the shop's staff, for at most 24 hours. `offline` signs in the shop itself, with
   * tokens that are refreshed: all of its staff are then one user. Default: `online`.
   */
  access?: 'online' | 'offline' | undefined
}

const Staff = v.object({
  id: v.union([v.string(), v.pipe(v.number(), v.safeInteger())]),
  email: v.nullish(v.string()),
  email_verified: v.nullish(v.boolean()),
  first_name: v.nullish(v.string()),
  last_name: v.nullish(v.string()),
  account_owner: v.nullish(v.boolean()),
})

/**
 * One shop of Shopify. The signature of the callback and its `shop` are checked. A used refresh token works until the
 * new one is used. Its API takes the access token in `X-Shopify-Access-Token`. For `allow`, `org:` is the shop's name.
 *
 * @see [Shopify](https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant)
 */
export const shopify: ProviderFactory<'required', ShopifyOptions> = defineProvider({
  id: 'shopify',
  name: 'Shopify',
  docs: 'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  inputs: { shop: label, access: withDefault(oneOf('online', 'offline'), 'online') },
  parts: ({ shop, access }) => {
    const host = `${shop}.myshopify.com`
    const issuer = `https://${host}`
    return {
      issuer,
      endpoints: {
        authorization: `${issuer}/admin/oauth/authorize`,
        token: `${issuer}/admin/oauth/access_token`,
      },
      clientAuth: 'client_secret_post',
      pkce: false,
      scopes: [],
      scopeSeparator: ',',
      params: access === 'online' ? { 'grant_options[]': 'per-user' } : {},
      tokenParams: access === 'online' ? {} : { expiring: '1' },
      callback: {
        params: ['shop'],
        verify: async (params, client) =>
          params.get('shop') === host && (await isSignedByHmac(params, client)),
      },
      rotation: 'always',
      revocation: { style: 'none' },
      verifiesEmail: access === 'online',
      rules: { ...ADDRESSES_ONLY, org: exactly([shop], 'the name of this shop') },
      memberships: {},
      async identify({ answer, callback }) {
        if (callback.shop !== host) throw unknownUser('the callback is about another shop')
        const claims = { shop: host, organizations: [shop] }
        if (access === 'offline') return { issuer, subject: host, name: shop, emailVerified: false, claims }
        const said = v.safeParse(Staff, answer.associated_user)
        if (!said.success) throw unknownUser('no associated_user in the token response')
        const { id, email, email_verified, first_name, last_name, account_owner } = said.output
        const name = [first_name, last_name].filter(Boolean).join(' ')
        return {
          issuer,
          subject: String(id),
          name: name || undefined,
          email: email ?? undefined,
          emailVerified: email_verified === true,
          claims: { ...claims, account_owner: account_owner === true },
        }
      },
    }
  },
})
