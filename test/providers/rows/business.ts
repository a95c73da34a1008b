import { createHmac } from 'node:crypto'
import { box } from 'lockgate/providers/box'
import { clickup } from 'lockgate/providers/clickup'
import { cloudflareAccess } from 'lockgate/providers/cloudflare-access'
import { linkedin } from 'lockgate/providers/linkedin'
import { monday } from 'lockgate/providers/monday'
import { quickbooks } from 'lockgate/providers/quickbooks'
import { servicenow } from 'lockgate/providers/servicenow'
import { shopify } from 'lockgate/providers/shopify'
import { stripe } from 'lockgate/providers/stripe'
import { x } from 'lockgate/providers/x'
import { xero } from 'lockgate/providers/xero'
import { zendesk } from 'lockgate/providers/zendesk'
import type { Person, Profile, Seen } from '../../support/imitation/profile.ts'
import { CLIENT } from '../../support/imitation/system.ts'
import {
  assumed,
  configuration,
  credentials,
  final,
  json,
  RFC,
  type Row,
  refused,
  transient,
  unverified,
  verified,
} from './row.ts'

const SHOPIFY =
  'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant'
const STRIPE_APPS = 'https://docs.stripe.com/stripe-apps/api-authentication/oauth'
const STRIPE_CONNECT = 'https://docs.stripe.com/connect/oauth-reference'
const ZENDESK = 'https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/'
const MONDAY = 'https://developer.monday.com/apps/docs/oauth-2-1'
const CLICKUP = 'https://developer.clickup.com/reference/getaccesstoken'
const INTUIT = 'intuit/oauth-jsclient: test/OAuthClientTest.js'
const NANGO_XERO = 'https://nango.dev/blog/xero-oauth-refresh-token-invalid-grant'

/** Adds what Shopify adds to its callback, and signs all of it. */
function signShopify(answer: URLSearchParams): void {
  answer.set('shop', 'acme.myshopify.com')
  answer.set('timestamp', '1795000000')
  answer.set('host', 'YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvYWNtZQ')
  const message = [...answer]
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&')
  answer.set('hmac', createHmac('sha256', CLIENT.secret).update(message).digest('hex'))
}

const shopifyProfile = (own: Partial<Profile>): Profile => ({
  sources: {
    tokens: SHOPIFY,
    errors: 'https://nango.dev/blog/shopify-oauth-refresh-token-invalid-grant',
    identity: SHOPIFY,
  },
  authorize: 'https://acme.myshopify.com/admin/oauth/authorize',
  token: 'https://acme.myshopify.com/admin/oauth/access_token',
  auth: 'post',
  pkce: 'refused',
  scope: { separator: ',' },
  refreshes: 'never',
  ttl: 86_399,
  callback: signShopify,
  ...own,
})

/** An account for each user, as Stripe has no users. */
const accountOf = ({ login }: Person): string => `acct_${login}`

const stripeAnswer =
  (scope: string) =>
  (
    { access_token, refresh_token }: Readonly<Record<string, unknown>>,
    { person }: { readonly person: Person },
  ): Record<string, unknown> => ({
    access_token,
    ...(refresh_token !== undefined && { refresh_token }),
    token_type: 'bearer',
    scope,
    livemode: true,
    stripe_user_id: accountOf(person),
    stripe_publishable_key: 'pk_live_1',
  })

const stripeDead = refused('invalid_grant', 'Refresh token does not exist: it was used or has expired')

const keyAsUser = `Basic ${Buffer.from(`${CLIENT.secret}:`).toString('base64')}`

const bearer = ({ headers }: Seen): string => headers.get('authorization')?.slice('Bearer '.length) ?? ''

/** A token whose `exp` says when it ends. */
const jwt = (id: string, _person: Person, now: number): string =>
  ['{"alg":"HS256"}', JSON.stringify({ jti: id, exp: now + 1800 }), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')

const ACCESS = `https://acme.cloudflareaccess.com/cdn-cgi/access/sso/oidc/${CLIENT.id}`

export const BUSINESS: readonly Row[] = [
  {
    name: 'shopify',
    provider: shopify({ ...credentials, shop: 'acme', scopes: ['read_products', 'read_orders'] }),
    profile: shopifyProfile({
      needs: { authorize: { 'grant_options[]': 'per-user' } },
      shape: ({ token_type: _, scope, ...answer }, { person }) => ({
        ...answer,
        scope: String(scope),
        associated_user_scope: String(scope),
        associated_user: {
          id: person.number,
          first_name: 'Name of',
          last_name: person.login,
          email: person.email,
          email_verified: true,
          account_owner: false,
          locale: 'en',
          collaborator: false,
        },
      }),
    }),
    tells: { ...verified, claims: { shop: 'acme.myshopify.com' } },
    groups: { in: 'org:acme', out: 'org:other' },
    quirks: 'a signed callback; no token_type; a day, and no refresh token',
  },
  {
    name: 'shopify (offline)',
    provider: shopify({ ...credentials, shop: 'acme', access: 'offline', scopes: ['read_products'] }),
    profile: shopifyProfile({
      needs: { exchange: ['expiring'] },
      refreshes: 'rotates',
      toleratesReuse: true,
      grace: 3600,
      ttl: 3600,
      shape: ({ token_type: _, ...answer }) => ({ ...answer, refresh_token_expires_in: 7_776_000 }),
      dead: refused('invalid_grant', 'Token has been expired or revoked.'),
    }),
    tells: { emailVerified: false, name: 'acme', claims: { shop: 'acme.myshopify.com' } },
    sameUser: true,
    quirks: 'the shop is the user; a used refresh token works until the new one is used',
  },
  {
    name: 'stripe',
    provider: stripe(credentials),
    profile: {
      sources: {
        tokens: STRIPE_APPS,
        errors: 'stripe/stripe-ruby: lib/stripe/errors.rb',
        identity: STRIPE_APPS,
      },
      authorize: 'https://marketplace.stripe.com/oauth/v2/authorize',
      token: 'https://api.stripe.com/v1/oauth/token',
      auth: 'key-as-user',
      pkce: 'refused',
      scope: false,
      refusesAtExchange: ['redirect_uri', 'client_id', 'scope'],
      refusesAtRefresh: ['client_id', 'scope'],
      ttl: null,
      refreshes: 'rotates',
      shape: stripeAnswer('stripe_apps'),
      dead: stripeDead,
    },
    tells: { emailVerified: false, claims: { account: 'acct_ada', livemode: true } },
    groups: { in: 'org:acct_ada', out: 'org:acct_other' },
    quirks: 'the secret key is the user name; an account instead of a person; no expires_in',
  },
  {
    name: 'stripe (connect)',
    provider: stripe({ ...credentials, kind: 'connect' }),
    profile: {
      sources: {
        tokens: STRIPE_CONNECT,
        errors: STRIPE_CONNECT,
        identity: STRIPE_CONNECT,
      },
      authorize: 'https://connect.stripe.com/oauth/authorize',
      token: 'https://connect.stripe.com/oauth/token',
      auth: 'key-as-user',
      pkce: 'refused',
      scope: { allowed: ['read_only', 'read_write'] },
      refusesAtExchange: ['redirect_uri', 'client_id'],
      ttl: null,
      refreshes: 'never',
      shape: stripeAnswer('read_only'),
      api: { 'GET https://api.stripe.com/v1/account': (person) => json({ id: accountOf(person) }) },
      routes: {
        'POST https://connect.stripe.com/oauth/deauthorize': ({ headers, text }, { issued, person, end }) => {
          const body = new URLSearchParams(text)
          if (headers.get('authorization') !== keyAsUser || body.get('client_id') !== CLIENT.id)
            return refused('invalid_client', 'a wrong key', 401)
          const account = body.get('stripe_user_id')
          const own = issued().filter((token) => {
            const owner = person(token)
            return owner && accountOf(owner) === account
          })
          if (own.length === 0) return refused('invalid_client', 'This application is not connected', 401)
          for (const token of own) end(token)
          return json({ stripe_user_id: account })
        },
      },
    },
    tells: { emailVerified: false, claims: { account: 'acct_ada' } },
    groups: { in: 'org:acct_ada', out: 'org:acct_other' },
    quirks: 'tokens that do not expire; the end of one disconnects the account',
  },
  {
    name: 'zendesk',
    provider: zendesk({ ...credentials, subdomain: 'acme' }),
    profile: {
      sources: {
        tokens: ZENDESK,
        errors: 'assumed: an OAuth error',
        identity: 'https://developer.zendesk.com/api-reference/ticketing/users/users/',
      },
      authorize: 'https://acme.zendesk.com/oauth/authorizations/new',
      token: 'https://acme.zendesk.com/oauth/tokens',
      auth: 'post',
      pkce: 'checked',
      body: 'json',
      needs: {
        exchange: ['scope', 'expires_in', 'refresh_token_expires_in'],
        refresh: ['expires_in', 'refresh_token_expires_in'],
      },
      refreshes: 'rotates',
      refreshKillsAccess: true,
      shape: (answer) => ({ ...answer, token_type: 'bearer' }),
      api: {
        'GET https://acme.zendesk.com/api/v2/users/me.json': ({ number, email, name }) =>
          json({
            user: { id: number, email, name, verified: true, role: 'agent', organization_id: 57542 },
          }),
      },
      routes: {
        'DELETE https://acme.zendesk.com/api/v2/oauth/tokens/current.json': (seen, { end }) => ({
          status: end(bearer(seen)) ? 204 : 401,
        }),
      },
    },
    tells: verified,
    groups: { in: 'group:agent', out: 'group:admin' },
    quirks: 'JSON requests; lifetimes are asked for; DELETE to revoke',
  },
  {
    name: 'servicenow',
    provider: servicenow({ ...credentials, host: 'acme.service-now.com' }),
    profile: {
      sources: {
        tokens: 'dust-tt/dust: core/src/oauth/providers/servicenow.rs',
        errors: 'dust-tt/dust: core/src/oauth/providers/servicenow.rs',
        identity: 'PipedreamHQ/pipedream: components/servicenow',
      },
      authorize: 'https://acme.service-now.com/oauth_auth.do',
      token: 'https://acme.service-now.com/oauth_token.do',
      revoke: { url: 'https://acme.service-now.com/oauth_revoke_token.do', style: 'rfc7009' },
      auth: 'post',
      pkce: 'refused',
      refreshes: 'same',
      dead: json({ error: 'invalid_grant', error_description: 'refresh_token is invalid' }, 403),
      refusals: [
        final(
          json({ error: 'refresh_token is invalid' }, 403),
          'dust-tt/dust: core/src/oauth/providers/servicenow.rs',
        ),
        final(
          { status: 403, body: 'token is invalid' },
          'dust-tt/dust: core/src/oauth/providers/servicenow.rs',
        ),
        transient(
          refused('server_error', 'access_denied', 401),
          'https://www.servicenow.com/community/developer-forum/td-p/2373416',
        ),
      ],
      api: {
        'GET https://acme.service-now.com/api/now/ui/user/current_user': ({ login }) =>
          json({ result: { user_sys_id: `6816f79cc0a8016401c5a33be0${login}`, user_name: login } }),
        ...Object.fromEntries(
          ['ada', 'grace'].map((login) => [
            `GET https://acme.service-now.com/api/now/table/sys_user/6816f79cc0a8016401c5a33be0${login}`,
            ({ email, name }: Person) =>
              json({
                result: {
                  sys_id: `6816f79cc0a8016401c5a33be0${login}`,
                  email,
                  name,
                  user_name: login,
                },
              }),
          ]),
        ),
        'GET https://acme.service-now.com/api/now/table/sys_user_grmember': ({ login }, { query }) =>
          query.get('sysparm_query') === `user=6816f79cc0a8016401c5a33be0${login}`
            ? json({ result: [{ 'group.name': 'Service Desk' }, { 'group.name': '' }] })
            : json({ result: [{ 'group.name': 'Everything' }] }),
      },
    },
    tells: { ...unverified, claims: { user_name: 'ada' } },
    groups: { in: 'group:Service Desk', out: 'group:Everything' },
    quirks: '403 for a dead refresh token; groups by one more request',
  },
  {
    name: 'quickbooks',
    provider: quickbooks(credentials),
    profile: {
      sources: { tokens: INTUIT, errors: INTUIT, identity: INTUIT },
      authorize: 'https://appcenter.intuit.com/connect/oauth2',
      token: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
      auth: 'basic-either',
      pkce: 'refused',
      refreshes: 'rotates',
      grace: 86_400,
      toleratesReuse: true,
      ttl: 3600,
      callback: (answer) => answer.set('realmId', '9130347957983546'),
      shape: ({ scope: _, ...answer }) => ({
        ...answer,
        token_type: 'bearer',
        x_refresh_token_expires_in: 8_726_400,
      }),
      dead: refused('invalid_grant', 'Incorrect or invalid refresh token'),
      refusals: [
        configuration(refused('invalid_client', undefined, 401), INTUIT),
        transient({ status: 429, body: '' }, 'assumed'),
      ],
      api: {
        'GET https://accounts.platform.intuit.com/v1/openid_connect/userinfo': ({ id, email, login }) =>
          json({ sub: id, email, emailVerified: true, givenName: 'Name of', familyName: login }),
        'GET https://quickbooks.api.intuit.com/v3/company/9130347957983546/companyinfo/9130347957983546':
          () => json({ CompanyInfo: { CompanyName: 'Acme', Id: '1' } }),
      },
      routes: {
        'POST https://developer.api.intuit.com/v2/oauth2/tokens/revoke': ({ headers, text }, { end }) => {
          const known = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`
          if (headers.get('authorization') !== known) return refused('invalid_client', undefined, 401)
          if (!headers.get('content-type')?.startsWith('application/json')) return { status: 415 }
          return end((JSON.parse(text) as { token: string }).token)
            ? { status: 200 }
            : refused('invalid_grant')
        },
      },
    },
    tells: { ...verified, claims: { realm: '9130347957983546' } },
    groups: { in: 'org:9130347957983546', out: 'org:1' },
    quirks: 'the company comes with the callback, and its API confirms it',
  },
  {
    name: 'xero',
    provider: xero(credentials),
    profile: assumed(
      'https://identity.xero.com',
      {
        documents: 'assumed: its endpoints are those of public clients',
        tokens: 'https://developer.xero.com/documentation/guides/oauth2/auth-flow/',
        errors: NANGO_XERO,
        identity: 'XeroAPI/xero-node: README',
      },
      {
        authorize: 'https://login.xero.com/identity/connect/authorize',
        token: 'https://identity.xero.com/connect/token',
        revoke: {
          url: 'https://identity.xero.com/connect/revocation',
          style: 'rfc7009',
          ends: 'authorization',
        },
        auth: 'basic-either',
        pkce: 'checked',
        refreshes: 'rotates',
        grace: 1800,
        claims: ({ name, email }) => ({ name, email, email_verified: undefined }),
        dead: refused('invalid_grant'),
        api: {
          'GET https://identity.xero.com/connect/userinfo': ({ id, name, email }) =>
            json({ sub: id, name, email }),
          'GET https://api.xero.com/connections': () =>
            json([
              { id: 'c-1', tenantId: '70784a63-d24b-46a9-a4db-0e70a274b056', tenantType: 'ORGANISATION' },
              { id: 'c-2', tenantId: 'e0da6937-de07-4a14-adee-37abfac298ce', tenantType: 'ORGANISATION' },
            ]),
        },
      },
    ),
    tells: unverified,
    groups: { in: 'org:e0da6937-de07-4a14-adee-37abfac298ce', out: 'org:c-1' },
    quirks: 'one revocation removes every connection; organizations by one more request',
  },
  {
    name: 'box',
    provider: box(credentials),
    profile: {
      sources: {
        tokens: 'https://developer.box.com/reference/post-oauth2-token',
        errors: 'https://support.box.com/hc/en-us/community/posts/360052599233',
        identity: 'https://developer.box.com/reference/get-users-me',
      },
      authorize: 'https://account.box.com/api/oauth2/authorize',
      token: 'https://api.box.com/oauth2/token',
      revoke: { url: 'https://api.box.com/oauth2/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'refused',
      refreshes: 'rotates',
      ttl: 4169,
      shape: ({ scope: _, ...answer }) => ({ ...answer, token_type: 'bearer', restricted_to: [] }),
      dead: refused('invalid_grant', 'Refresh token has expired'),
      refusals: [
        final(
          refused('invalid_grant', 'Invalid refresh token'),
          'https://support.box.com/hc/en-us/community/posts/360052599233',
        ),
        transient({ status: 409, body: '' }, 'https://support.box.com/hc/en-us/community/posts/360052599233'),
        configuration(
          refused('invalid_client', 'The client credentials are invalid'),
          'https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/',
        ),
      ],
      api: {
        'GET https://api.box.com/2.0/users/me': ({ number, email, name }, { query }) =>
          query.get('fields') === 'id,login,name,enterprise'
            ? json({
                type: 'user',
                id: String(number),
                login: email,
                name,
                enterprise: { type: 'enterprise', id: '11446498', name: 'Acme' },
              })
            : json({ type: 'user', id: String(number) }),
      },
    },
    tells: unverified,
    groups: { in: 'org:11446498', out: 'org:Acme' },
    quirks: 'no scopes; 409 without a body passes',
  },
  {
    name: 'monday',
    provider: monday(credentials),
    profile: {
      sources: {
        tokens: MONDAY,
        errors: RFC,
        identity: 'https://developer.monday.com/api-reference/reference/me',
      },
      authorize: 'https://auth.monday.com/oauth2/authorize',
      token: 'https://auth.monday.com/oauth_ms/oauth/token',
      revoke: { url: 'https://auth.monday.com/oauth_ms/oauth/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'required',
      body: 'json',
      ttl: null,
      refreshes: 'rotates',
      accessToken: jwt,
      tokenHeader: 'authorization',
      api: {
        'POST https://api.monday.com/v2': ({ number, email, name }, { text }) =>
          /\bme\b/.test((JSON.parse(text) as { query: string }).query)
            ? json({
                data: {
                  me: {
                    id: String(number),
                    email,
                    name,
                    is_verified: true,
                    account: { id: '12345', slug: 'acme' },
                  },
                },
              })
            : json({ errors: [{ message: 'unknown' }] }),
      },
    },
    tells: { ...verified, claims: { account: '12345' } },
    groups: { in: 'org:acme', out: 'org:other' },
    quirks: 'JSON requests; the token says when it ends; its API takes the token without Bearer',
  },
  {
    name: 'clickup',
    provider: clickup(credentials),
    profile: {
      sources: {
        tokens: CLICKUP,
        errors: 'https://developer.clickup.com/docs/common_errors',
        identity: 'https://developer.clickup.com/reference/getauthorizeduser',
      },
      authorize: 'https://app.clickup.com/api',
      token: 'https://api.clickup.com/api/v2/oauth/token',
      auth: 'post',
      pkce: 'refused',
      scope: false,
      ttl: null,
      refreshes: 'never',
      shape: ({ access_token }) => ({ access_token, token_type: 'Bearer' }),
      refusal: () => json({ err: 'Code already used', ECODE: 'OAUTH_014' }, 401),
      api: {
        'GET https://api.clickup.com/api/v2/user': ({ number, email, name }) =>
          json({ user: { id: number, username: name, email, initials: 'A' } }),
        'GET https://api.clickup.com/api/v2/team': () =>
          json({
            teams: [
              { id: '1234', name: 'Acme' },
              { id: '5678', name: 'Home' },
            ],
          }),
      },
    },
    tells: unverified,
    groups: { in: 'org:5678', out: 'org:Acme' },
    quirks: 'tokens that do not expire; no scopes; workspaces by one more request',
  },
  {
    name: 'linkedin',
    provider: linkedin(credentials),
    profile: {
      sources: {
        tokens: 'https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens',
        errors: 'https://nango.dev/blog/linkedin-oauth-refresh-token-invalid-grant',
        identity:
          'https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2',
      },
      authorize: 'https://www.linkedin.com/oauth/v2/authorization',
      token: 'https://www.linkedin.com/oauth/v2/accessToken',
      auth: 'post',
      pkce: 'refused',
      ttl: 5_184_000,
      refreshes: 'same',
      shape: ({ token_type: _, ...answer }, { phase }) => ({
        ...answer,
        ...(phase === 'exchange' && { id_token: 'not.read.here' }),
        refresh_token_expires_in: 31_536_000,
      }),
      dead: refused('invalid_grant', 'Token has been expired or revoked.'),
      refusals: [
        final(
          refused(
            'invalid_request',
            'The provided authorization grant or refresh token is invalid, expired or revoked',
          ),
          'assumed',
        ),
        configuration(refused('invalid_client', 'Client authentication failed', 401), RFC),
      ],
      api: {
        'GET https://api.linkedin.com/v2/userinfo': ({ id, email, name }) =>
          json({ sub: id, email, email_verified: 'true', name, locale: { country: 'US', language: 'en' } }),
      },
    },
    tells: verified,
    quirks: 'no token_type; an ID token that is not used; email_verified as a text',
  },
  {
    name: 'linkedin (without refresh tokens)',
    provider: linkedin(credentials),
    profile: {
      sources: {
        tokens: 'https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow',
        errors: RFC,
        identity:
          'https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2',
      },
      authorize: 'https://www.linkedin.com/oauth/v2/authorization',
      token: 'https://www.linkedin.com/oauth/v2/accessToken',
      auth: 'post',
      pkce: 'refused',
      ttl: 5_184_000,
      refreshes: 'never',
      shape: ({ token_type: _, ...answer }) => answer,
      api: {
        'GET https://api.linkedin.com/v2/userinfo': ({ id, email, name }) =>
          json({ sub: id, email, email_verified: true, name }),
      },
    },
    tells: verified,
    quirks: 'sixty days, for applications that are no partners',
  },
  {
    name: 'x',
    provider: x(credentials),
    profile: {
      sources: {
        tokens: 'https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code',
        errors: 'inovector/mixpost: XPublisher tests',
        identity: 'https://docs.x.com/x-api/users/get-my-user',
      },
      authorize: 'https://x.com/i/oauth2/authorize',
      token: 'https://api.x.com/2/oauth2/token',
      revoke: { url: 'https://api.x.com/2/oauth2/revoke', style: 'rfc7009' },
      auth: 'basic-either',
      pkce: 'required',
      ttl: 7200,
      refreshes: 'rotates',
      shape: (answer) => ({ ...answer, token_type: 'bearer' }),
      dead: refused('invalid_request', 'Value passed for the token was invalid.'),
      refusals: [
        final(refused('invalid_grant', 'Value passed for the token was invalid.'), 'assumed'),
        configuration(refused('unauthorized_client', 'Missing valid authorization header', 401), 'assumed'),
      ],
      api: {
        'GET https://api.x.com/2/users/me': ({ number, login, name, email }, { query }) =>
          json({
            data: {
              id: String(number),
              username: login,
              name,
              ...(query.get('user.fields') === 'confirmed_email' && { confirmed_email: email }),
            },
          }),
      },
    },
    tells: verified,
    quirks: 'invalid_request for a dead refresh token; only confirmed addresses',
  },
  {
    name: 'cloudflare-access',
    provider: cloudflareAccess({ ...credentials, team: 'acme' }),
    profile: assumed(
      ACCESS,
      {
        documents: 'assumed: the members, with the endpoints of the vendor',
        tokens: 'cloudflare/ai: demos/remote-mcp-cf-access',
        errors: RFC,
        identity:
          'https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/saas-apps/generic-oidc-saas/',
      },
      {
        paths: ['/authorization', '/token', '', '/userinfo'],
        openid: { scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'] },
        auth: 'post',
        refreshes: 'rotates',
        claims: ({ name, email }) => ({ name, email, email_verified: undefined }),
        refusals: [configuration(refused('invalid_client', undefined, 401), RFC)],
      },
    ),
    tells: unverified,
    groups: { in: 'group:engineering', out: 'group:sales', claims: { groups: ['engineering'] } },
    quirks: 'the issuer contains the client id; groups by a scope',
  },
]
