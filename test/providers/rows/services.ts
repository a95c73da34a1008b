import { airtable } from 'lockgate/providers/airtable'
import { asana } from 'lockgate/providers/asana'
import { atlassian } from 'lockgate/providers/atlassian'
import { bitbucket } from 'lockgate/providers/bitbucket'
import { discord } from 'lockgate/providers/discord'
import { dropbox } from 'lockgate/providers/dropbox'
import { figma } from 'lockgate/providers/figma'
import { github } from 'lockgate/providers/github'
import { githubApp } from 'lockgate/providers/github-app'
import { githubEnterprise } from 'lockgate/providers/github-enterprise'
import { hubspot } from 'lockgate/providers/hubspot'
import { intercom } from 'lockgate/providers/intercom'
import { linear } from 'lockgate/providers/linear'
import { notion } from 'lockgate/providers/notion'
import { oauth2 } from 'lockgate/providers/oauth2'
import { salesforce } from 'lockgate/providers/salesforce'
import { sentry } from 'lockgate/providers/sentry'
import { slack } from 'lockgate/providers/slack'
import { zoom } from 'lockgate/providers/zoom'
import type { Person, Profile, Seen } from '../../support/imitation/profile.ts'
import { CLIENT } from '../../support/imitation/system.ts'
import { salesforceDocument } from '../documents.ts'
import {
  captured,
  claimsOf,
  configuration,
  credentials,
  final,
  GUID,
  json,
  RFC,
  type Row,
  refused,
  transient,
  unverified,
  verified,
} from './row.ts'

const rawBasic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`
const GITHUB_DOCS = 'https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps'
const CODER = 'coder/coder: coderd/externalauth/externalauth.go'

function gitHub(web: string, api: string, own: Partial<Profile> = {}): Profile {
  const needsAgent =
    (answer: (person: Person) => unknown) =>
    (person: Person, { headers }: Seen) =>
      headers.get('user-agent') === 'lockgate' ? json(answer(person)) : { status: 403, body: 'no user agent' }
  return {
    sources: {
      tokens: GITHUB_DOCS,
      errors: CODER,
      identity: 'https://docs.github.com/rest/users/emails',
    },
    authorize: `${web}/login/oauth/authorize`,
    token: `${web}/login/oauth/access_token`,
    auth: 'post',
    pkce: 'checked',
    ttl: 28_800,
    refreshes: 'rotates',
    refreshKillsAccess: true,
    iss: `${web}/login/oauth`,
    shape: ({ scope, ...answer }) => ({
      ...answer,
      token_type: 'bearer',
      scope: String(scope).replaceAll(' ', ','),
    }),
    refusal: (error) =>
      json({ error, error_description: 'a wrong one', error_uri: 'https://docs.github.com' }),
    dead: json({
      error: 'bad_refresh_token',
      error_description: 'The refresh token passed is incorrect or expired.',
    }),
    refusals: [
      configuration(
        json({
          error: 'incorrect_client_credentials',
          error_description: 'The client_id and/or client_secret passed are incorrect.',
        }),
        CODER,
      ),
    ],
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
      [`GET ${api}/user/orgs`]: () => json([{ login: 'acme' }]),
      [`GET ${api}/user/teams`]: () => json([{ slug: 'platform', organization: { login: 'acme' } }]),
    },
    routes: {
      [`DELETE ${api}/applications/${CLIENT.id}/token`]: ({ headers, text }, { end }) => {
        if (headers.get('authorization') !== rawBasic) return { status: 401 }
        return { status: end((JSON.parse(text) as { access_token: string }).access_token) ? 204 : 422 }
      },
    },
    ...own,
  }
}

const GITHUB_GROUPS = { in: 'team:acme/platform', out: 'org:tools' }
const SLACK = 'https://docs.slack.dev/reference/methods/oauth.v2.access'
const slackError = (error: string) => json({ ok: false, error })
const HUBSPOT = 'HubSpot/HubSpot-public-api-spec-collection: oauth 2026-03'
const SALESFORCE = 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flow_errors.htm'

export const SERVICES: readonly Row[] = [
  {
    name: 'oauth2',
    provider: oauth2({
      ...credentials,
      authorizationEndpoint: 'https://plain.example.com/authorize',
      tokenEndpoint: 'https://plain.example.com/token',
      userinfoEndpoint: 'https://plain.example.com/me',
      revocationEndpoint: 'https://plain.example.com/revoke',
      identity: { subject: 'user.id', email: 'user.mail', name: 'user.name' },
      groupsClaim: 'user.teams.name',
      refreshErrors: [{ body: { code: /^TOKEN_GONE$/ }, means: 'final' }],
    }),
    profile: {
      sources: { tokens: RFC, errors: RFC, identity: 'assumed: the members' },
      authorize: 'https://plain.example.com/authorize',
      token: 'https://plain.example.com/token',
      revoke: { url: 'https://plain.example.com/revoke', style: 'rfc7009' },
      auth: 'basic',
      pkce: 'checked',
      refreshes: 'same',
      iss: 'https://nobody-said-so.example.com',
      asForm: true,
      dead: json({ code: 'TOKEN_GONE' }, 403),
      refusals: [
        final(refused('invalid_grant'), RFC),
        transient(refused('slow_down'), RFC),
        configuration(refused('unauthorized_client'), RFC),
      ],
      api: {
        'GET https://plain.example.com/me': ({ id, email, name }) =>
          json({ user: { id, mail: email, name, teams: [{ name: 'staff' }, { name: 'ops' }] } }),
      },
    },
    tells: unverified,
    groups: { in: 'group:staff', out: 'group:guests' },
    quirks: 'answers as a form; an unknown issuer; rules of the operator',
  },
  {
    name: 'github',
    provider: github(credentials),
    profile: gitHub('https://github.com', 'https://api.github.com', { ttl: null, refreshes: 'never' }),
    tells: { ...verified, claims: { login: 'ada' } },
    groups: GITHUB_GROUPS,
    quirks: '200 with error; scopes by commas; iss; second call for addresses; DELETE to revoke',
  },
  {
    name: 'github (expiring tokens)',
    provider: github(credentials),
    profile: gitHub('https://github.com', 'https://api.github.com'),
    tells: { ...verified, claims: { login: 'ada' } },
    quirks: 'a setting of the app: eight hours, and a refresh token that is accepted once',
  },
  {
    name: 'github-app',
    provider: githubApp(credentials),
    profile: gitHub('https://github.com', 'https://api.github.com', { scope: false }),
    tells: verified,
    groups: GITHUB_GROUPS,
    quirks: 'a refresh ends both previous tokens',
  },
  {
    name: 'github-enterprise',
    provider: githubEnterprise({ ...credentials, baseUrl: 'https://ghe.example.com/' }),
    profile: gitHub('https://ghe.example.com', 'https://ghe.example.com/api/v3', {
      iss: undefined as never,
      asForm: true,
    }),
    tells: verified,
    groups: GITHUB_GROUPS,
    quirks: 'no iss; answers as a form',
  },
  {
    name: 'bitbucket',
    provider: bitbucket(credentials),
    profile: {
      sources: {
        tokens: 'assumed: the scopes',
        errors: RFC,
        identity: 'https://developer.atlassian.com/cloud/bitbucket/changelog/#CHANGE-3022',
      },
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
        'GET https://api.bitbucket.org/2.0/user/workspaces': () =>
          json({
            values: [
              {
                type: 'workspace_access',
                administrator: false,
                workspace: { type: 'workspace_base', slug: 'acme', uuid: '{1}' },
              },
            ],
          }),
      },
    },
    tells: verified,
    groups: { in: 'org:acme', out: 'org:tools' },
    quirks: 'scopes for scope; second call for addresses',
  },
  {
    name: 'atlassian',
    provider: atlassian(credentials),
    profile: {
      sources: {
        tokens: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
        errors: 'dust-tt/dust: core/src/oauth/providers/confluence.rs',
        identity: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
      },
      authorize: 'https://auth.atlassian.com/authorize',
      token: 'https://auth.atlassian.com/oauth/token',
      revoke: { url: 'https://auth.atlassian.com/oauth/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'rotates',
      grace: 600,
      needs: { authorize: { audience: 'api.atlassian.com', prompt: 'consent' } },
      dead: refused('unauthorized_client', 'refresh_token is invalid', 403),
      refusals: [
        final(
          refused('invalid_grant', 'Unknown or invalid refresh token.', 403),
          'NangoHQ/nango: docs, Jira',
        ),
        configuration(
          refused('access_denied', 'Unauthorized', 401),
          'MrRefactoring/jira.js: isReauthorizationRequired',
        ),
        configuration(
          refused('unauthorized_client', 'The client is not allowed', 403),
          'MrRefactoring/jira.js',
        ),
      ],
      api: {
        'GET https://api.atlassian.com/me': ({ id, email, name }) => json({ account_id: id, email, name }),
        'GET https://api.atlassian.com/oauth/token/accessible-resources': () =>
          json([{ id: 'cloud-1', url: 'https://one.atlassian.net', name: 'The first', scopes: [] }]),
      },
    },
    tells: { ...unverified, claims: { cloudid: 'cloud-1' } },
    groups: { in: 'org:one', out: 'org:The first' },
    quirks: 'audience; undocumented revocation; unauthorized_client has two meanings',
  },
  {
    name: 'slack',
    provider: slack(credentials),
    profile: {
      sources: {
        tokens: SLACK,
        errors: SLACK,
        identity: 'https://docs.slack.dev/reference/methods/users.info',
      },
      authorize: 'https://slack.com/oauth/v2/authorize',
      token: 'https://slack.com/api/oauth.v2.access',
      revoke: {
        url: 'https://slack.com/api/auth.revoke',
        style: 'bearer',
        ends: 'authorization',
        over: slackError('token_revoked'),
      },
      auth: 'post',
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
      refusal: slackError,
      dead: slackError('invalid_refresh_token'),
      refusals: [
        final(slackError('token_revoked'), SLACK),
        final(slackError('token_expired'), SLACK),
        final(slackError('account_inactive'), SLACK),
        transient(slackError('ratelimited'), SLACK),
        transient(slackError('internal_error'), SLACK),
        transient(slackError('org_login_required'), 'assumed'),
        configuration(slackError('bad_client_secret'), SLACK),
        configuration(slackError('invalid_client_id'), SLACK),
      ],
      api: {
        'GET https://slack.com/api/users.info': ({ id, email, name }, { query }) =>
          query.get('user') === id
            ? json({ ok: true, user: { profile: { email, real_name: name } } })
            : slackError('user_not_found'),
      },
    },
    tells: { ...unverified, claims: { team: 'T1' } },
    groups: { in: 'org:T1', out: 'org:Team' },
    quirks: 'ok:false with 200; nested user token; user_scope; bearer revocation',
  },
  {
    name: 'discord',
    provider: discord(credentials),
    profile: {
      sources: {
        tokens: 'discord/discord-api-docs: topics/OAuth2',
        errors: RFC,
        identity: 'discord/discord-api-docs: resources/User',
      },
      authorize: 'https://discord.com/oauth2/authorize',
      token: 'https://discord.com/api/oauth2/token',
      revoke: { url: 'https://discord.com/api/oauth2/token/revoke', style: 'rfc7009', ends: 'authorization' },
      auth: 'basic-either',
      pkce: 'checked',
      ttl: 604_800,
      refreshes: 'rotates',
      api: {
        'GET https://discord.com/api/users/@me': ({ id, email, name }) =>
          json({ id, email, verified: true, username: `${name}0`, global_name: name }),
        'GET https://discord.com/api/users/@me/guilds': () =>
          json([{ id: '80351110224678912', name: 'Acme' }]),
      },
    },
    tells: verified,
    groups: { in: 'org:80351110224678912', out: 'org:Acme' },
    quirks: 'one revocation ends all',
  },
  {
    name: 'linear',
    provider: linear(credentials),
    profile: {
      sources: {
        tokens: 'dust-tt/dust: core/src/oauth/providers/linear.rs',
        errors: 'https://linear.app/developers/oauth-2-0-authentication',
        identity: 'https://linear.app/developers/graphql',
      },
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
            ? json({
                data: {
                  viewer: {
                    id,
                    email,
                    name,
                    organization: { id: 'o-1', urlKey: 'acme' },
                    teams: { nodes: [{ key: 'ENG' }, { key: 'OPS' }] },
                  },
                },
              })
            : json({ errors: [{ message: 'unknown' }] }),
      },
    },
    tells: { ...unverified, claims: { organizations: ['o-1', 'acme'], groups: ['ENG', 'OPS'] } },
    groups: { in: 'org:acme', out: 'group:SALES' },
    quirks: 'GraphQL; scopes as a list',
  },
  {
    name: 'notion',
    provider: notion({ ...credentials, overrides: { expiry: { fallback: 1800 } } }),
    profile: {
      sources: {
        tokens: 'https://developers.notion.com/reference/create-a-token',
        errors: 'https://developers.notion.com/reference/status-codes',
        identity: 'https://developers.notion.com/reference/create-a-token',
      },
      authorize: 'https://api.notion.com/v1/oauth/authorize',
      token: 'https://api.notion.com/v1/oauth/token',
      revoke: { url: 'https://api.notion.com/v1/oauth/revoke', style: 'rfc7009', only: ['token'] },
      auth: 'basic-either',
      pkce: 'refused',
      scope: false,
      ttl: null,
      body: 'json',
      refreshes: 'rotates',
      needs: { authorize: { owner: 'user' }, headers: { 'notion-version': '2022-06-28' } },
      shape: ({ scope: _, ...answer }, { person }) => ({
        ...answer,
        bot_id: 'bot-1',
        workspace_id: GUID,
        owner: { type: 'user', user: { id: person.id, name: person.name, person: { email: person.email } } },
      }),
      dead: json(
        { object: 'error', status: 400, code: 'invalid_grant', message: 'Invalid refresh token' },
        400,
      ),
      refusals: [
        final(refused('invalid_grant'), 'https://developers.notion.com/reference/create-a-token'),
        transient(
          json({ object: 'error', status: 409, code: 'conflict_error', message: 'Conflict' }, 409),
          'https://developers.notion.com/reference/status-codes',
        ),
        transient(
          json({ object: 'error', status: 429, code: 'rate_limited', message: 'Slow down' }, 429),
          'https://developers.notion.com/reference/status-codes',
        ),
        configuration(
          json({ object: 'error', status: 401, code: 'unauthorized', message: 'API token is invalid.' }, 401),
          'https://developers.notion.com/reference/status-codes',
        ),
      ],
    },
    tells: { ...unverified, claims: { workspace: GUID, bot: 'bot-1' } },
    groups: { in: `org:${GUID}`, out: `org:${GUID.replace('1', '2')}` },
    quirks: 'JSON requests; identity in the token response; a version header; no expiry (one was assumed)',
  },
  {
    name: 'figma',
    provider: figma(credentials),
    profile: {
      sources: {
        tokens: 'https://developers.figma.com/docs/rest-api/authentication/',
        errors: 'assumed: the words for an expired refresh token',
        identity: 'https://developers.figma.com/docs/rest-api/users-endpoints/',
      },
      authorize: 'https://www.figma.com/oauth',
      token: 'https://api.figma.com/v1/oauth/token',
      refresh: 'https://api.figma.com/v1/oauth/refresh',
      auth: 'basic',
      pkce: 'checked',
      scope: { separator: ',' },
      refreshes: 'silent',
      shape: (answer) => ({ ...answer, user_id: 2 ** 60 }),
      dead: json({ error: true, status: 400, message: 'Invalid refresh token', i18n: null }, 400),
      refusals: [
        final(
          json({ error: true, status: 404, message: 'Not found' }, 404),
          'GitbookIO/integrations: issue 594',
        ),
        configuration(
          json({ error: true, status: 403, message: 'Invalid client_secret' }, 403),
          'https://forum.figma.com/t/33052',
        ),
        transient(
          json({ error: true, status: 429, message: 'Rate limit exceeded' }, 429),
          'https://developers.figma.com',
        ),
      ],
      api: { 'GET https://api.figma.com/v1/me': ({ id, email, name }) => json({ id, email, handle: name }) },
    },
    tells: unverified,
    quirks: 'refreshes elsewhere; errors are `true`; a number too big',
  },
  {
    name: 'asana',
    provider: asana(credentials),
    profile: {
      sources: {
        tokens: 'https://developers.asana.com/docs/oauth',
        errors: RFC,
        identity: 'https://developers.asana.com/reference/getuser',
      },
      authorize: 'https://app.asana.com/-/oauth_authorize',
      token: 'https://app.asana.com/-/oauth_token',
      revoke: { url: 'https://app.asana.com/-/oauth_revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'silent',
      shape: (answer, { person }) => ({ ...answer, data: { id: person.number, gid: person.id } }),
      api: {
        'GET https://app.asana.com/api/1.0/users/me': ({ id, email, name }) =>
          json({ data: { gid: id, email, name, workspaces: [{ gid: '12345', name: 'Acme' }] } }),
      },
    },
    tells: unverified,
    groups: { in: 'org:12345', out: 'org:Acme' },
  },
  {
    name: 'hubspot',
    provider: hubspot(credentials),
    profile: {
      sources: { tokens: HUBSPOT, errors: HUBSPOT, identity: HUBSPOT },
      authorize: 'https://app.hubspot.com/oauth/authorize',
      token: 'https://api.hubapi.com/oauth/2026-03/token',
      revoke: { url: 'https://api.hubapi.com/oauth/2026-03/token/revoke', style: 'rfc7009' },
      auth: 'post',
      pkce: 'refused',
      refreshes: 'same',
      shape: ({ scope, ...answer }, { person }) => ({
        ...answer,
        scopes: String(scope).split(' '),
        hub_id: 77,
        user_id: person.number,
      }),
      dead: json(
        { category: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token', correlationId: 'c' },
        400,
      ),
      refusals: [
        final(
          json(
            { status: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token', correlationId: 'c' },
            400,
          ),
          'airbytehq/airbyte: source-hubspot',
        ),
        final(
          json(
            {
              category: 'VALIDATION_ERROR',
              message: 'refresh token is invalid, expired or revoked',
              correlationId: 'c',
            },
            400,
          ),
          HUBSPOT,
        ),
        configuration(
          json({ category: 'BAD_CLIENT_SECRET', message: 'a wrong one', correlationId: 'c' }, 400),
          'assumed',
        ),
        transient(json({ category: 'RATE_LIMITS', message: 'slow down', correlationId: 'c' }, 429), HUBSPOT),
      ],
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
    groups: { in: 'org:77', out: 'org:78' },
    quirks: 'errors have a category; scopes as `scopes`; identity by introspection',
  },
  {
    name: 'salesforce',
    provider: salesforce(credentials),
    profile: captured(
      salesforceDocument,
      {
        documents: 'api-evangelist/salesforce: well-known/salesforce-openid-configuration.json',
        tokens: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
        errors: SALESFORCE,
        identity: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm',
      },
      {
        auth: 'post',
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
        dead: refused('invalid_grant', 'expired access/refresh token'),
        refusals: [
          final(refused('invalid_grant', "user hasn't approved this consumer"), SALESFORCE),
          final(refused('inactive_user', 'user is inactive'), SALESFORCE),
          final(refused('inactive_org', 'organization is locked, closed, or suspended'), SALESFORCE),
          final(refused('invalid_app_access', 'user is not admin approved to access this app'), SALESFORCE),
          transient(
            refused('invalid_grant', 'token request is already being processed'),
            'forcedotcom/sfdx-core',
          ),
          transient(refused('invalid_grant', 'ip restricted'), 'assumed'),
          transient(refused('rate_limit_exceeded', 'login rate exceeded'), SALESFORCE),
          transient(refused('unknown_error', 'retry your request'), SALESFORCE),
          configuration(refused('invalid_client_id', 'client identifier invalid'), SALESFORCE),
        ],
      },
    ),
    tells: { ...verified, claims: { instance_url: 'https://contoso.my.salesforce.com' } },
    groups: { in: 'org:00D', out: 'org:00E' },
    quirks: 'no expires_in; invalid_grant has three meanings; subject within an organization',
  },
  {
    name: 'dropbox',
    provider: dropbox(credentials),
    profile: {
      sources: {
        tokens: 'https://developers.dropbox.com/oauth-guide',
        errors: 'https://www.dropbox.com/developers/documentation/http/documentation',
        identity: 'https://www.dropbox.com/developers/documentation/http/documentation',
      },
      authorize: 'https://www.dropbox.com/oauth2/authorize',
      token: 'https://api.dropboxapi.com/oauth2/token',
      revoke: {
        url: 'https://api.dropboxapi.com/2/auth/token/revoke',
        style: 'bearer',
        over: json(
          { error_summary: 'invalid_access_token/', error: { '.tag': 'invalid_access_token' } },
          401,
        ),
      },
      auth: 'post',
      pkce: 'checked',
      refreshes: 'silent',
      needs: { authorize: { token_access_type: 'offline' } },
      dead: refused('invalid_grant', 'refresh token is invalid or revoked'),
      api: {
        'POST https://api.dropboxapi.com/2/users/get_current_account': (
          { id, email, name },
          { headers, text },
        ) =>
          text !== '' || headers.has('content-type')
            ? { status: 400, body: 'unexpected body' }
            : json({
                account_id: id,
                email,
                email_verified: true,
                name: { display_name: name },
                team: { id: 'dbtid:1', name: 'Acme' },
              }),
      },
    },
    tells: verified,
    groups: { in: 'org:dbtid:1', out: 'org:Acme' },
    quirks: 'identity by an empty POST; bearer revocation',
  },
  {
    name: 'zoom',
    provider: zoom(credentials),
    profile: {
      sources: {
        tokens: 'https://developers.zoom.us/docs/integrations/oauth/',
        errors: 'raycast/extensions: issue 10896',
        identity: 'https://developers.zoom.us/docs/api/users/',
      },
      authorize: 'https://zoom.us/oauth/authorize',
      token: 'https://zoom.us/oauth/token',
      revoke: { url: 'https://zoom.us/oauth/revoke', style: 'rfc7009' },
      auth: 'basic-either',
      pkce: 'checked',
      scope: false,
      refreshes: 'rotates',
      dead: json({ reason: 'Invalid Token!', error: 'invalid_grant' }, 400),
      refusals: [
        final(json({ reason: 'Invalid Token!', error: 'invalid_request' }, 401), 'a report of 2022'),
        configuration(
          json({ reason: 'Invalid client_id or client_secret', error: 'invalid_client' }, 400),
          'https://devforum.zoom.us',
        ),
      ],
      api: {
        'GET https://api.zoom.us/v2/users/me': ({ id, email, name }) =>
          json({ id, email, verified: 1, display_name: name, account_id: 'acc-1' }),
      },
    },
    tells: verified,
    groups: { in: 'org:acc-1', out: 'org:acc-2' },
    quirks: 'no scope parameter; verified as a number',
  },
  {
    name: 'airtable',
    provider: airtable(credentials),
    profile: {
      sources: {
        tokens: 'https://airtable.com/developers/web/api/oauth-reference',
        errors: 'https://airtable.com/developers/web/api/oauth-reference',
        identity: 'https://airtable.com/developers/web/api/get-user-id-scopes',
      },
      authorize: 'https://airtable.com/oauth2/v1/authorize',
      token: 'https://airtable.com/oauth2/v1/token',
      auth: 'basic-either',
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
      sources: {
        tokens:
          'https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth',
        errors: RFC,
        identity:
          'https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/identifyadmin',
      },
      authorize: 'https://app.eu.intercom.com/oauth',
      token: 'https://api.eu.intercom.io/auth/eagle/token',
      auth: 'post',
      pkce: 'refused',
      scope: false,
      ttl: null,
      refreshes: 'never',
      api: {
        'GET https://api.eu.intercom.io/me': (person) =>
          json({ type: 'admin', id: person.id, app: { id_code: 'app-1' }, ...claimsOf(person) }),
      },
    },
    tells: verified,
    groups: { in: 'org:app-1', out: 'org:app-2' },
    quirks: 'tokens that do not expire',
  },
  {
    name: 'sentry',
    provider: sentry(credentials),
    profile: {
      sources: {
        tokens: 'getsentry/sentry: src/sentry/web/frontend/oauth_token.py',
        errors: 'getsentry/sentry: src/sentry/web/frontend/oauth_token.py',
        identity: 'getsentry/sentry: src/sentry/web/frontend/oauth_token.py',
      },
      authorize: 'https://sentry.io/oauth/authorize/',
      token: 'https://sentry.io/oauth/token/',
      auth: 'post',
      pkce: 'checked',
      refreshes: 'rotates',
      refusesAtRefresh: ['scope'],
      shape: (answer, { person }) => ({
        ...answer,
        organization_id: '4505',
        user: { id: person.id, name: person.name, email: person.email },
      }),
      refusals: [
        configuration(refused('invalid_request'), 'getsentry/sentry: src/sentry/web/frontend/oauth_token.py'),
        configuration(
          refused('invalid_client', undefined, 401),
          'getsentry/sentry: src/sentry/web/frontend/oauth_token.py',
        ),
      ],
    },
    tells: { ...unverified, claims: { organization: '4505' } },
    groups: { in: 'org:4505', out: 'org:4506' },
    quirks: 'identity in the token response; no scope at a refresh',
  },
]
