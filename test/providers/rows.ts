import { generateKeyPairSync } from 'node:crypto'
import { airtable } from 'lockgate/providers/airtable'
import { apple } from 'lockgate/providers/apple'
import { asana } from 'lockgate/providers/asana'
import { atlassian } from 'lockgate/providers/atlassian'
import { auth0 } from 'lockgate/providers/auth0'
import { authentik } from 'lockgate/providers/authentik'
import { azureB2c } from 'lockgate/providers/azure-b2c'
import { bitbucket } from 'lockgate/providers/bitbucket'
import { clerk } from 'lockgate/providers/clerk'
import { cognito } from 'lockgate/providers/cognito'
import type { Provider } from 'lockgate/providers/define'
import { descope } from 'lockgate/providers/descope'
import { discord } from 'lockgate/providers/discord'
import { dropbox } from 'lockgate/providers/dropbox'
import { figma } from 'lockgate/providers/figma'
import { github } from 'lockgate/providers/github'
import { githubApp } from 'lockgate/providers/github-app'
import { githubEnterprise } from 'lockgate/providers/github-enterprise'
import { gitlab } from 'lockgate/providers/gitlab'
import { google } from 'lockgate/providers/google'
import { hubspot } from 'lockgate/providers/hubspot'
import { intercom } from 'lockgate/providers/intercom'
import { keycloak } from 'lockgate/providers/keycloak'
import { linear } from 'lockgate/providers/linear'
import { microsoft } from 'lockgate/providers/microsoft'
import { microsoftExternal } from 'lockgate/providers/microsoft-external'
import { notion } from 'lockgate/providers/notion'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { okta } from 'lockgate/providers/okta'
import { salesforce } from 'lockgate/providers/salesforce'
import { sentry } from 'lockgate/providers/sentry'
import { slack } from 'lockgate/providers/slack'
import { stytch } from 'lockgate/providers/stytch'
import { supabase } from 'lockgate/providers/supabase'
import { workos } from 'lockgate/providers/workos'
import { zitadel } from 'lockgate/providers/zitadel'
import { zoom } from 'lockgate/providers/zoom'
import type { RegisteredClient } from '../support/imitation/client-proof.ts'
import type { Person, Profile, Reply, Seen } from '../support/imitation/profile.ts'
import { CLIENT } from '../support/imitation/system.ts'

/** One provider before its imitation. */
export interface Row {
  /** The file of `src/providers`; with a note where it has several rows. */
  readonly name: string
  readonly provider: Provider
  readonly profile: Profile
  /** What the server behind must be told of Ada. */
  readonly tells: {
    email?: string | undefined
    emailVerified: boolean
    name?: string | undefined
    claims?: object
  }
  /** What is special about it, for people. */
  readonly quirks?: string
  readonly client?: RegisteredClient
}

const credentials = { clientId: CLIENT.id, clientSecret: CLIENT.secret }
const ada = { email: 'ada@example.com', name: 'Name of ada' }
const verified = { ...ada, emailVerified: true }
const unverified = { ...ada, emailVerified: false }
const GUID = '11111111-2222-4333-8444-555555555555'

const json = (body: unknown): Reply => ({ body })
const claimsOf = ({ name, email }: Person) => ({ name, email, email_verified: true })

/** A provider with OpenID Connect, where it differs in little. */
function openId(
  issuer: string,
  own: Partial<Profile> & { discovery?: string; paths?: string[]; claims?: (person: Person) => object },
): Profile {
  const {
    discovery,
    paths = ['/authorize', '/token', '/revoke', '/userinfo'],
    claims = claimsOf,
    ...rest
  } = own
  const root = issuer.replace(/\/$/, '')
  const [authorize, token, revoke, me] = paths.map((path) =>
    path === '' || path.startsWith('https:') ? path : root + path,
  )
  return {
    source: 'OpenID Connect Core',
    authorize: authorize!,
    token: token!,
    ...(revoke && { revoke: { url: revoke, style: 'rfc7009' } }),
    auth: 'basic',
    pkce: 'required',
    refreshes: 'silent',
    openid: {
      discovery: discovery ?? `${root}/.well-known/openid-configuration`,
      issuer,
      claims: (person) => ({ ...claims(person) }),
    },
    ...(me && { api: { [`GET ${me}`]: (person: Person) => json({ sub: person.id, ...claimsOf(person) }) } }),
    ...rest,
  }
}

const GITHUB = 'https://github.com/login/oauth'
const rawBasic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`

function gitHub(web: string, api: string, own: Partial<Profile>): Profile {
  const needsAgent =
    (answer: (person: Person) => unknown) =>
    (person: Person, { headers }: Seen) =>
      headers.get('user-agent') === 'lockgate' ? json(answer(person)) : { status: 403, body: 'no user agent' }
  return {
    source: 'https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
    authorize: `${web}/login/oauth/authorize`,
    token: `${web}/login/oauth/access_token`,
    auth: 'post',
    pkce: 'checked',
    ttl: null,
    refreshes: 'never',
    iss: `${web}/login/oauth`,
    shape: ({ scope, ...answer }) => ({
      ...answer,
      token_type: 'bearer',
      scope: String(scope).replaceAll(' ', ','),
    }),
    refusal: (error) => ({ status: 200, body: { error, error_description: 'a wrong one' } }),
    api: {
      [`GET ${api}/user`]: needsAgent(({ number, login, name }) => ({
        id: number,
        login,
        name,
        email: null,
      })),
      [`GET ${api}/user/emails`]: needsAgent(({ email }) => [
        { email: 'other@example.com', primary: false, verified: false },
        { email, primary: true, verified: true },
      ]),
    },
    routes: {
      [`DELETE ${api}/applications/${CLIENT.id}/token`]: ({ headers, text }, { end }) => {
        if (headers.get('authorization') !== rawBasic) return { status: 401 }
        return { status: end((JSON.parse(text) as { access_token: string }).access_token) ? 204 : 404 }
      },
    },
    ...own,
  }
}

const appleKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (type: 'pkcs8' | 'spki') =>
  (type === 'pkcs8'
    ? appleKey.privateKey.export({ type, format: 'pem' })
    : appleKey.publicKey.export({ type, format: 'pem' })) as string

const entra = (host: string, tenant: string, own: Partial<Profile> = {}) =>
  openId(`https://${host}/${GUID}/v2.0`, {
    source: 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow',
    auth: 'post',
    paths: [
      `https://${host}/${tenant}/oauth2/v2.0/authorize`,
      `https://${host}/${tenant}/oauth2/v2.0/token`,
      '',
      '',
    ],
    discovery: `https://${host}/${tenant}/v2.0/.well-known/openid-configuration`,
    refreshes: 'rotates',
    grace: 3600,
    claims: (person) => ({
      ...claimsOf(person),
      email_verified: undefined,
      sub: `pairwise-${person.id}`,
      oid: `oid-${person.id}`,
      tid: GUID,
    }),
    needs: { exchange: ['scope'], refresh: ['scope'] },
    ...own,
  })

export const ROWS: readonly Row[] = [
  {
    name: 'oidc',
    provider: oidc({ ...credentials, issuer: 'https://id.example.com' }),
    profile: openId('https://id.example.com', {
      iss: 'https://id.example.com',
      refreshes: 'rotates',
      needs: { authorize: { prompt: 'consent' } },
    }),
    tells: verified,
    quirks: 'iss on the callback is mandatory',
  },
  {
    name: 'oauth2',
    provider: oauth2({
      ...credentials,
      authorizationEndpoint: 'https://plain.example.com/authorize',
      tokenEndpoint: 'https://plain.example.com/token',
      userinfoEndpoint: 'https://plain.example.com/me',
      revocationEndpoint: 'https://plain.example.com/revoke',
      identity: { subject: 'user.id', email: 'user.mail', name: 'user.name' },
    }),
    profile: {
      source: 'RFC 6749',
      authorize: 'https://plain.example.com/authorize',
      token: 'https://plain.example.com/token',
      revoke: { url: 'https://plain.example.com/revoke', style: 'rfc7009' },
      auth: 'basic',
      pkce: 'checked',
      refreshes: 'same',
      iss: 'https://nobody-said-so.example.com',
      asForm: true,
      api: {
        'GET https://plain.example.com/me': ({ id, email, name }) =>
          json({ user: { id, mail: email, name } }),
      },
    },
    tells: unverified,
    quirks: 'answers as a form; an issuer nobody gave',
  },
  {
    name: 'github',
    provider: github(credentials),
    profile: gitHub('https://github.com', 'https://api.github.com', {}),
    tells: { ...verified, claims: { login: 'ada' } },
    quirks: '200 with error; scopes by commas; iss; second call for addresses; DELETE to revoke',
  },
  {
    name: 'github-app',
    provider: githubApp(credentials),
    profile: gitHub('https://github.com', 'https://api.github.com', {
      scope: false,
      ttl: 28_800,
      refreshes: 'rotates',
      refreshKillsAccess: true,
      deadGrant: 'bad_refresh_token',
    }),
    tells: verified,
    quirks: 'a refresh ends both old tokens',
  },
  {
    name: 'github-enterprise',
    provider: githubEnterprise({ ...credentials, baseUrl: 'https://ghe.example.com/' }),
    profile: gitHub('https://ghe.example.com', 'https://ghe.example.com/api/v3', {
      iss: undefined as never,
      asForm: true,
    }),
    tells: verified,
    quirks: 'no iss; answers as a form',
  },
  {
    name: 'google',
    provider: google(credentials),
    profile: openId('https://accounts.google.com', {
      source: 'https://developers.google.com/identity/openid-connect/reference',
      auth: 'post',
      pkce: 'checked',
      paths: [
        'https://accounts.google.com/o/oauth2/v2/auth',
        'https://oauth2.googleapis.com/token',
        '',
        'https://openidconnect.googleapis.com/v1/userinfo',
      ],
      revoke: { url: 'https://oauth2.googleapis.com/revoke', style: 'rfc7009', auth: 'none' },
      needs: { authorize: { access_type: 'offline', prompt: 'consent' } },
    }),
    tells: verified,
    quirks: 'refresh token never repeated; revocation without a proof',
  },
  {
    name: 'google (bare issuer)',
    provider: google(credentials),
    profile: openId('accounts.google.com', {
      source: 'https://developers.google.com/identity/openid-connect/reference',
      auth: 'post',
      paths: ['https://accounts.google.com/o/oauth2/v2/auth', 'https://oauth2.googleapis.com/token', '', ''],
      revoke: { url: 'https://oauth2.googleapis.com/revoke', style: 'rfc7009', auth: 'none' },
      openid: {
        discovery: 'https://accounts.google.com/.well-known/openid-configuration',
        issuer: 'accounts.google.com',
        documentIssuer: 'https://accounts.google.com',
        claims: claimsOf,
      },
    }),
    tells: verified,
    quirks: 'ID tokens of another spelling',
  },
  {
    name: 'microsoft',
    provider: microsoft({ ...credentials, tenant: GUID }),
    profile: entra('login.microsoftonline.com', GUID),
    tells: unverified,
    quirks: 'scope at every token request; address never verified',
  },
  {
    name: 'microsoft (by domain)',
    provider: microsoft({ ...credentials, tenant: 'contoso.example' }),
    profile: entra('login.microsoftonline.com', 'contoso.example'),
    tells: unverified,
    quirks: 'issuer from the document',
  },
  {
    name: 'microsoft (organizations)',
    provider: microsoft({ ...credentials, tenant: 'organizations', tenants: [GUID] }),
    profile: entra('login.microsoftonline.com', 'organizations', {
      openid: {
        discovery: 'https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration',
        issuer: `https://login.microsoftonline.com/${GUID}/v2.0`,
        documentIssuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
        claims: ({ id, name, email }) => ({ name, email, oid: `oid-${id}`, tid: GUID }),
      },
    }),
    tells: unverified,
    quirks: 'an issuer for each tenant',
  },
  {
    name: 'microsoft-external',
    provider: microsoftExternal({ ...credentials, subdomain: 'contoso', tenant: GUID }),
    profile: openId(`https://${GUID}.ciamlogin.com/${GUID}/v2.0`, {
      source: 'assumed: the host of the issuer',
      auth: 'post',
      paths: [
        `https://contoso.ciamlogin.com/${GUID}/oauth2/v2.0/authorize`,
        `https://contoso.ciamlogin.com/${GUID}/oauth2/v2.0/token`,
        '',
        '',
      ],
      discovery: `https://contoso.ciamlogin.com/${GUID}/v2.0/.well-known/openid-configuration`,
      refreshes: 'rotates',
    }),
    tells: unverified,
    quirks: 'issuer on another host',
  },
  {
    name: 'azure-b2c',
    provider: azureB2c({ ...credentials, tenant: 'contoso', policy: 'B2C_1_signin' }),
    profile: openId(`https://contoso.b2clogin.com/${GUID}/v2.0/`, {
      source: 'assumed: claims',
      auth: 'post',
      paths: [
        'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/oauth2/v2.0/authorize',
        'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/oauth2/v2.0/token',
        '',
        '',
      ],
      discovery:
        'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration',
      refreshes: 'rotates',
      claims: ({ name, email }) => ({ name, emails: [email] }),
    }),
    tells: unverified,
    quirks: 'issuer without the user flow; a list of addresses',
  },
  {
    name: 'workos',
    provider: workos({ ...credentials, subdomain: 'contoso' }),
    profile: openId('https://contoso.authkit.app', {
      source: 'https://workos.com/docs/authkit/connect',
      paths: ['/oauth2/authorize', '/oauth2/token', '', '/oauth2/userinfo'],
      discovery: 'https://contoso.authkit.app/.well-known/oauth-authorization-server',
      shape: ({ token_type: _, ...answer }) => answer,
    }),
    tells: verified,
    quirks: 'no token_type',
  },
  {
    name: 'auth0',
    provider: auth0({
      ...credentials,
      domain: 'contoso.eu.auth0.com',
      audience: 'https://api.contoso.example',
    }),
    profile: openId('https://contoso.eu.auth0.com/', {
      source: 'https://auth0.com/docs',
      auth: 'post',
      paths: ['/authorize', '/oauth/token', '/oauth/revoke', '/userinfo'],
      refreshes: 'rotates',
      needs: { authorize: { audience: 'https://api.contoso.example' } },
    }),
    tells: verified,
    quirks: 'issuer with a slash; audience',
  },
  {
    name: 'okta',
    provider: okta({ ...credentials, domain: 'contoso.okta.com' }),
    profile: openId('https://contoso.okta.com', {
      source: 'https://developer.okta.com/docs/reference/api/oidc/',
      paths: ['/oauth2/v1/authorize', '/oauth2/v1/token', '/oauth2/v1/revoke', '/oauth2/v1/userinfo'],
      refreshes: 'same',
      needs: { refresh: ['scope'] },
    }),
    tells: verified,
    quirks: 'scope at a refresh',
  },
  {
    name: 'okta (custom)',
    provider: okta({ ...credentials, domain: 'contoso.okta.com', authorizationServer: 'default' }),
    profile: openId('https://contoso.okta.com/oauth2/default', {
      paths: ['/v1/authorize', '/v1/token', '/v1/revoke', '/v1/userinfo'],
      refreshes: 'rotates',
      grace: 30,
    }),
    tells: verified,
    quirks: 'issuer with a path',
  },
  {
    name: 'keycloak',
    provider: keycloak({ ...credentials, baseUrl: 'https://sso.example.com/', realm: 'staff' }),
    profile: openId('https://sso.example.com/realms/staff', {
      source: 'https://www.keycloak.org/securing-apps/oidc-layers',
      paths: [
        '/protocol/openid-connect/auth',
        '/protocol/openid-connect/token',
        '/protocol/openid-connect/revoke',
        '/protocol/openid-connect/userinfo',
      ],
      iss: 'https://sso.example.com/realms/staff',
      refreshes: 'rotates',
      shape: (answer) => ({ ...answer, refresh_expires_in: 0, 'not-before-policy': 0, session_state: 'x' }),
    }),
    tells: verified,
  },
  {
    name: 'cognito',
    provider: cognito({ ...credentials, region: 'eu-west-1', userPool: 'eu-west-1_AbCdEf' }),
    profile: openId('https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf', {
      source: 'https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html',
      paths: [
        'https://contoso.auth.eu-west-1.amazoncognito.com/oauth2/authorize',
        'https://contoso.auth.eu-west-1.amazoncognito.com/oauth2/token',
        'https://contoso.auth.eu-west-1.amazoncognito.com/oauth2/revoke',
        'https://contoso.auth.eu-west-1.amazoncognito.com/oauth2/userInfo',
      ],
      claims: ({ name, email }) => ({ name, email, email_verified: 'true' }),
    }),
    tells: verified,
    quirks: 'endpoints on another host; "true" as text',
  },
  {
    name: 'gitlab',
    provider: gitlab(credentials),
    profile: openId('https://gitlab.com', {
      source: 'https://docs.gitlab.com/api/oauth2/',
      auth: 'post',
      paths: ['/oauth/authorize', '/oauth/token', '/oauth/revoke', '/oauth/userinfo'],
      ttl: 7200,
      refreshes: 'rotates',
      refreshKillsAccess: true,
      needs: { refresh: ['redirect_uri'] },
    }),
    tells: verified,
    quirks: 'a refresh ends both old tokens; redirect_uri at a refresh',
  },
  {
    name: 'bitbucket',
    provider: bitbucket(credentials),
    profile: {
      source: 'assumed: scopes, addresses',
      authorize: 'https://bitbucket.org/site/oauth2/authorize',
      token: 'https://bitbucket.org/site/oauth2/access_token',
      auth: 'basic',
      pkce: 'refused',
      refreshes: 'same',
      shape: ({ scope, ...answer }) => ({ ...answer, scopes: scope }),
      api: {
        'GET https://api.bitbucket.org/2.0/user': ({ id, name }) =>
          json({ uuid: `{${id}}`, display_name: name }),
        'GET https://api.bitbucket.org/2.0/user/emails': ({ email }) =>
          json({ values: [{ email, is_primary: true, is_confirmed: true }] }),
      },
    },
    tells: verified,
    quirks: 'scopes for scope; second call for addresses',
  },
  {
    name: 'atlassian',
    provider: atlassian(credentials),
    profile: {
      source: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
      authorize: 'https://auth.atlassian.com/authorize',
      token: 'https://auth.atlassian.com/oauth/token',
      revoke: { url: 'https://auth.atlassian.com/oauth/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'rotates',
      grace: 600,
      needs: { authorize: { audience: 'api.atlassian.com', prompt: 'consent' } },
      api: {
        'GET https://api.atlassian.com/me': ({ id, email, name }) => json({ account_id: id, email, name }),
        'GET https://api.atlassian.com/oauth/token/accessible-resources': () =>
          json([{ id: 'cloud-1', url: 'https://one.atlassian.net', name: 'one', scopes: [] }]),
      },
    },
    tells: { ...unverified, claims: { cloudid: 'cloud-1' } },
    quirks: 'audience; revocation that nobody documents',
  },
  {
    name: 'slack',
    provider: slack(credentials),
    profile: {
      source: 'https://docs.slack.dev/authentication/installing-with-oauth',
      authorize: 'https://slack.com/oauth/v2/authorize',
      token: 'https://slack.com/api/oauth.v2.access',
      revoke: { url: 'https://slack.com/api/auth.revoke', style: 'bearer' },
      auth: 'basic',
      pkce: 'refused',
      scope: { param: 'user_scope', separator: ',' },
      ttl: 43_200,
      refreshes: 'rotates',
      shape: ({ scope, ...answer }, { person, phase }) =>
        phase === 'refresh'
          ? { ok: true, ...answer, token_type: 'user', scope }
          : {
              ok: true,
              access_token: 'xoxb-of-the-bot',
              token_type: 'bot',
              team: { id: 'T1', name: 'Team' },
              enterprise: null,
              authed_user: { id: person.id, ...answer, token_type: 'user', scope },
            },
      refusal: (error) => ({ status: 200, body: { ok: false, error } }),
      api: {
        'GET https://slack.com/api/users.info': ({ id, email, name }, { query }) =>
          query.get('user') === id
            ? json({ ok: true, user: { profile: { email, real_name: name } } })
            : json({ ok: false, error: 'user_not_found' }),
      },
    },
    tells: { ...unverified, claims: { team: 'T1' } },
    quirks: 'ok:false with 200; nested user token; user_scope; bearer revocation',
  },
  {
    name: 'discord',
    provider: discord(credentials),
    profile: {
      source: 'https://docs.discord.com/developers/topics/oauth2',
      authorize: 'https://discord.com/oauth2/authorize',
      token: 'https://discord.com/api/oauth2/token',
      revoke: { url: 'https://discord.com/api/oauth2/token/revoke', style: 'rfc7009' },
      auth: 'basic',
      pkce: 'checked',
      ttl: 604_800,
      refreshes: 'rotates',
      api: {
        'GET https://discord.com/api/users/@me': ({ id, email, name }) =>
          json({ id, email, verified: true, username: `${name}0`, global_name: name }),
      },
    },
    tells: verified,
  },
  {
    name: 'linear',
    provider: linear(credentials),
    profile: {
      source: 'https://linear.app/developers/oauth-2-0-authentication',
      authorize: 'https://linear.app/oauth/authorize',
      token: 'https://api.linear.app/oauth/token',
      revoke: { url: 'https://api.linear.app/oauth/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'checked',
      scope: { separator: ',' },
      ttl: 86_400,
      refreshes: 'rotates',
      shape: (answer) => ({ ...answer, scope: [answer.scope] }),
      api: {
        'POST https://api.linear.app/graphql': ({ id, email, name }, { text }) =>
          /viewer/.test((JSON.parse(text) as { query: string }).query)
            ? json({ data: { viewer: { id, email, name } } })
            : json({ errors: [{ message: 'unknown' }] }),
      },
    },
    tells: unverified,
    quirks: 'GraphQL; scopes as a list',
  },
  {
    name: 'notion',
    provider: notion({ ...credentials, overrides: { expiry: { fallback: 1800 } } }),
    profile: {
      source: 'https://developers.notion.com/guides/get-started/authorization',
      authorize: 'https://api.notion.com/v1/oauth/authorize',
      token: 'https://api.notion.com/v1/oauth/token',
      revoke: { url: 'https://api.notion.com/v1/oauth/revoke', style: 'rfc7009' },
      auth: 'basic',
      pkce: 'refused',
      scope: false,
      ttl: null,
      body: 'json',
      refreshes: 'rotates',
      needs: { authorize: { owner: 'user' }, headers: { 'notion-version': '2022-06-28' } },
      shape: ({ scope: _, ...answer }, { person }) => ({
        ...answer,
        bot_id: 'bot-1',
        workspace_id: 'workspace-1',
        owner: { type: 'user', user: { id: person.id, name: person.name, person: { email: person.email } } },
      }),
    },
    tells: { ...unverified, claims: { workspace: 'workspace-1', bot: 'bot-1' } },
    quirks: 'JSON requests; identity in the token answer; a version header; no expiry (one was assumed)',
  },
  {
    name: 'figma',
    provider: figma(credentials),
    profile: {
      source: 'https://developers.figma.com/docs/rest-api/authentication/',
      authorize: 'https://www.figma.com/oauth',
      token: 'https://api.figma.com/v1/oauth/token',
      refresh: 'https://api.figma.com/v1/oauth/refresh',
      auth: 'basic',
      pkce: 'refused',
      scope: { separator: ',' },
      refreshes: 'silent',
      shape: (answer) => ({ ...answer, user_id: 2 ** 60 }),
      api: { 'GET https://api.figma.com/v1/me': ({ id, email, name }) => json({ id, email, handle: name }) },
    },
    tells: unverified,
    quirks: 'refreshes elsewhere; a number too big',
  },
  {
    name: 'asana',
    provider: asana(credentials),
    profile: {
      source: 'https://developers.asana.com/docs/oauth',
      authorize: 'https://app.asana.com/-/oauth_authorize',
      token: 'https://app.asana.com/-/oauth_token',
      revoke: { url: 'https://app.asana.com/-/oauth_revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'silent',
      shape: (answer, { person }) => ({ ...answer, data: { id: person.number, gid: person.id } }),
      api: {
        'GET https://app.asana.com/api/1.0/users/me': ({ id, email, name }) =>
          json({ data: { gid: id, email, name } }),
      },
    },
    tells: unverified,
  },
  {
    name: 'hubspot',
    provider: hubspot(credentials),
    profile: {
      source: 'assumed: host and introspection of the dated API',
      authorize: 'https://app.hubspot.com/oauth/authorize',
      token: 'https://api.hubapi.com/oauth/2026-03/token',
      revoke: { url: 'https://api.hubapi.com/oauth/2026-03/token/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'refused',
      refreshes: 'same',
      refusal: (error) => ({ status: 400, body: { status: error.toUpperCase(), message: 'a wrong one' } }),
      deadGrant: 'bad_refresh_token',
      routes: {
        'POST https://api.hubapi.com/oauth/2026-03/token/introspect': ({ text }, about) => {
          const body = new URLSearchParams(text)
          const person = about.person(body.get('token') ?? '')
          if (body.get('client_secret') !== CLIENT.secret || !person) return { status: 401 }
          return json({ active: true, user_id: person.number, hub_id: 77, user: person.email })
        },
      },
    },
    tells: { email: 'ada@example.com', emailVerified: false, claims: { hub: '77' } },
    quirks: 'errors as status and message; identity by introspection',
  },
  {
    name: 'salesforce',
    provider: salesforce(credentials),
    profile: openId('https://login.salesforce.com', {
      source: 'https://help.salesforce.com',
      auth: 'post',
      paths: ['/services/oauth2/authorize', '/services/oauth2/token', '/services/oauth2/revoke', ''],
      ttl: null,
      shape: (answer) => ({ ...answer, instance_url: 'https://contoso.my.salesforce.com' }),
      api: {
        'GET https://login.salesforce.com/services/oauth2/userinfo': (person) =>
          json({
            sub: `https://login.salesforce.com/id/00D/${person.id}`,
            user_id: person.id,
            organization_id: '00D',
            ...claimsOf(person),
          }),
      },
    }),
    tells: { ...verified, claims: { instance_url: 'https://contoso.my.salesforce.com' } },
    quirks: 'no expires_in; subject within an organisation',
  },
  {
    name: 'dropbox',
    provider: dropbox(credentials),
    profile: {
      source: 'https://developers.dropbox.com/oauth-guide',
      authorize: 'https://www.dropbox.com/oauth2/authorize',
      token: 'https://api.dropboxapi.com/oauth2/token',
      revoke: { url: 'https://api.dropboxapi.com/2/auth/token/revoke', style: 'bearer' },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'silent',
      needs: { authorize: { token_access_type: 'offline' } },
      api: {
        'POST https://api.dropboxapi.com/2/users/get_current_account': (
          { id, email, name },
          { headers, text },
        ) =>
          text !== '' || headers.has('content-type')
            ? { status: 400, body: 'unexpected body' }
            : json({ account_id: id, email, email_verified: true, name: { display_name: name } }),
      },
    },
    tells: verified,
    quirks: 'identity by an empty POST; bearer revocation',
  },
  {
    name: 'zoom',
    provider: zoom(credentials),
    profile: {
      source: 'https://developers.zoom.us/docs/integrations/oauth/',
      authorize: 'https://zoom.us/oauth/authorize',
      token: 'https://zoom.us/oauth/token',
      revoke: { url: 'https://zoom.us/oauth/revoke', style: 'rfc7009' },
      auth: 'basic',
      pkce: 'checked',
      scope: false,
      refreshes: 'rotates',
      api: {
        'GET https://api.zoom.us/v2/users/me': ({ id, email, name }) =>
          json({ id, email, verified: 1, display_name: name }),
      },
    },
    tells: verified,
    quirks: 'no scope parameter; verified as a number',
  },
  {
    name: 'airtable',
    provider: airtable(credentials),
    profile: {
      source: 'https://airtable.com/developers/web/api/oauth-reference',
      authorize: 'https://airtable.com/oauth2/v1/authorize',
      token: 'https://airtable.com/oauth2/v1/token',
      auth: 'basic',
      pkce: 'required',
      refreshes: 'rotates',
      api: { 'GET https://api.airtable.com/v0/meta/whoami': ({ id, email }) => json({ id, email }) },
    },
    tells: { email: 'ada@example.com', emailVerified: false },
    quirks: 'a second use of a refresh token ends the grant',
  },
  {
    name: 'intercom',
    provider: intercom({ ...credentials, region: 'eu' }),
    profile: {
      source: 'assumed: /me',
      authorize: 'https://app.eu.intercom.com/oauth',
      token: 'https://api.eu.intercom.io/auth/eagle/token',
      auth: 'post',
      pkce: 'refused',
      scope: false,
      ttl: null,
      refreshes: 'never',
      api: {
        'GET https://api.eu.intercom.io/me': (person) =>
          json({ id: person.id, app: { id_code: 'app-1' }, ...claimsOf(person) }),
      },
    },
    tells: verified,
    quirks: 'tokens without an end',
  },
  {
    name: 'sentry',
    provider: sentry(credentials),
    profile: {
      source: 'assumed: PKCE',
      authorize: 'https://sentry.io/oauth/authorize/',
      token: 'https://sentry.io/oauth/token/',
      auth: 'post',
      pkce: 'checked',
      refreshes: 'rotates',
      refusesAtRefresh: ['scope'],
      shape: (answer, { person }) => ({
        ...answer,
        user: { id: person.id, name: person.name, email: person.email },
      }),
    },
    tells: unverified,
    quirks: 'identity in the token answer; no scope at a refresh',
  },
  {
    name: 'supabase',
    provider: supabase({ ...credentials, project: 'abcdefgh' }),
    profile: openId('https://abcdefgh.supabase.co/auth/v1', {
      source: 'assumed: rotation',
      paths: ['/oauth/authorize', '/oauth/token', '', '/oauth/userinfo'],
      discovery: 'https://abcdefgh.supabase.co/auth/v1/.well-known/oauth-authorization-server',
      refreshes: 'rotates',
    }),
    tells: verified,
    quirks: 'document at another place',
  },
  {
    name: 'clerk',
    provider: clerk({ ...credentials, domain: 'clerk.contoso.example' }),
    profile: openId('https://clerk.contoso.example', {
      source: 'https://clerk.com/docs',
      paths: ['/oauth/authorize', '/oauth/token', '/oauth/token/revoke', '/oauth/userinfo'],
      deadGrant: 'invalid_scope',
      claims: () => ({}),
    }),
    tells: verified,
    quirks: 'address from userinfo; a grant that ends with invalid_scope',
  },
  {
    name: 'descope',
    provider: descope({ ...credentials, project: 'P2abc' }),
    profile: openId('https://api.descope.com/P2abc', {
      source: 'assumed: paths',
      auth: 'post',
      paths: ['/oauth2/v1/authorize', '/oauth2/v1/token', '/oauth2/v1/revoke', '/oauth2/v1/userinfo'],
    }),
    tells: verified,
  },
  {
    name: 'stytch',
    provider: stytch({ ...credentials, issuer: 'https://contoso.customers.stytch.dev' }),
    profile: openId('https://contoso.customers.stytch.dev', {
      source: 'assumed: paths',
      auth: 'post',
      paths: ['https://www.contoso.example/oauth/authorize', '/v1/oauth2/token', '', '/v1/oauth2/userinfo'],
    }),
    tells: verified,
    quirks: 'authorization on a site of one’s own',
  },
  {
    name: 'zitadel',
    provider: zitadel({ ...credentials, issuer: 'https://contoso.zitadel.cloud' }),
    profile: openId('https://contoso.zitadel.cloud', {
      source: 'assumed: rotation',
      paths: ['/oauth/v2/authorize', '/oauth/v2/token', '/oauth/v2/revoke', '/oidc/v1/userinfo'],
      refreshes: 'rotates',
    }),
    tells: verified,
  },
  {
    name: 'authentik',
    provider: authentik({ ...credentials, baseUrl: 'https://auth.example.com', application: 'mcp' }),
    profile: openId('https://auth.example.com/application/o/mcp/', {
      source: 'assumed: lifetimes',
      paths: [
        'https://auth.example.com/application/o/authorize/',
        'https://auth.example.com/application/o/token/',
        'https://auth.example.com/application/o/revoke/',
        'https://auth.example.com/application/o/userinfo/',
      ],
      refreshes: 'rotates',
      claims: ({ name, email }) => ({ name, email, email_verified: false }),
    }),
    tells: unverified,
    quirks: 'issuer with a path and a slash',
  },
  {
    name: 'apple',
    provider: apple({
      clientId: CLIENT.id,
      teamId: 'TEAM123456',
      keyId: 'KEY1234567',
      privateKey: pem('pkcs8').replaceAll('\n', '\\n'),
    }),
    client: {
      ...CLIENT,
      es256: {
        key: pem('spki'),
        kid: 'KEY1234567',
        issuer: 'TEAM123456',
        audience: 'https://appleid.apple.com',
      },
    },
    profile: openId('https://appleid.apple.com', {
      source: 'https://developer.apple.com/documentation/signinwithapplerestapi',
      auth: 'es256',
      pkce: 'refused',
      paths: ['/auth/authorize', '/auth/token', '/auth/revoke', ''],
      formPost: true,
      openid: {
        discovery: 'https://appleid.apple.com/.well-known/openid-configuration',
        issuer: 'https://appleid.apple.com',
        always: true,
        claims: ({ email }) => ({ email, email_verified: 'true' }),
      },
    }),
    tells: { email: 'ada@example.com', emailVerified: true },
    quirks: 'a signed client secret; answers by form',
  },
]

export { GITHUB, GUID }
