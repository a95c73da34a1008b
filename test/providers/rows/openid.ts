import { generateKeyPairSync } from 'node:crypto'
import { apple } from 'lockgate/providers/apple'
import { auth0 } from 'lockgate/providers/auth0'
import { authentik } from 'lockgate/providers/authentik'
import { clerk } from 'lockgate/providers/clerk'
import { cognito } from 'lockgate/providers/cognito'
import { descope } from 'lockgate/providers/descope'
import { gitlab } from 'lockgate/providers/gitlab'
import { google } from 'lockgate/providers/google'
import { keycloak } from 'lockgate/providers/keycloak'
import { oidc } from 'lockgate/providers/oidc'
import { okta } from 'lockgate/providers/okta'
import { stytch } from 'lockgate/providers/stytch'
import { supabase } from 'lockgate/providers/supabase'
import { workos } from 'lockgate/providers/workos'
import { workosUserManagement } from 'lockgate/providers/workos-user-management'
import { zitadel } from 'lockgate/providers/zitadel'
import { CLIENT } from '../../support/imitation/system.ts'
import {
  auth0Document,
  cognitoDocument,
  gitlabDocument,
  googleDocument,
  keycloakDocument,
  oktaDocument,
  workosDocument,
  workosServerDocument,
} from '../documents.ts'
import {
  assumed,
  captured,
  claimsOf,
  configuration,
  credentials,
  final,
  json,
  ODD_CLIENT,
  RFC,
  type Row,
  refused,
  transient,
  unverified,
  verified,
} from './row.ts'

const CORE = 'https://openid.net/specs/openid-connect-core-1_0.html'
const OKTA = 'okta/okta-developer-docs: oauth2-error-codes.json'
const appleKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const WORKOS_API = 'https://api.workos.com/user_management'

/** Google's own words for addresses that it hosts. */
const gmail = { email: 'ada@gmail.com', name: 'Name of ada', emailVerified: true }
const googleClaims = ({ name, login }: { name: string; login: string }) => ({
  name,
  email: `${login}@gmail.com`,
  email_verified: true,
})
const GOOGLE = {
  documents: 'https://accounts.google.com/.well-known/openid-configuration',
  tokens: 'https://developers.google.com/identity/protocols/oauth2/web-server',
  errors: 'https://developers.google.com/identity/protocols/oauth2',
  identity: 'https://developers.google.com/identity/openid-connect/openid-connect',
}
const googleProfile = {
  auth: 'post',
  revoke: {
    url: 'https://oauth2.googleapis.com/revoke',
    style: 'rfc7009',
    auth: 'none',
    ends: 'authorization',
  },
  needs: { authorize: { access_type: 'offline', prompt: 'consent' } },
  claims: googleClaims,
  dead: refused('invalid_grant', 'Token has been expired or revoked.'),
  refusals: [
    final({ status: 400, body: { error: 'invalid_grant', error_subtype: 'invalid_rapt' } }, GOOGLE.errors),
    configuration(refused('deleted_client', 'The OAuth client was deleted.', 401), 'assumed'),
    configuration(refused('admin_policy_enforced'), 'assumed'),
  ],
} as const

export const OPENID: readonly Row[] = [
  {
    name: 'oidc',
    provider: oidc({ ...credentials, issuer: 'https://id.example.com' }),
    profile: assumed(
      'https://id.example.com',
      { documents: CORE, tokens: CORE, errors: RFC, identity: CORE },
      {
        iss: 'https://id.example.com',
        refreshes: 'rotates',
        needs: { authorize: { prompt: 'consent' } },
        claims: (person) => ({ ...claimsOf(person), groups: ['staff'] }),
        refusals: [
          final(refused('interaction_required'), CORE),
          final(refused('login_required'), CORE),
          final(refused('consent_required'), CORE),
          final(refused('account_selection_required'), CORE),
          transient(refused('temporarily_unavailable'), RFC),
          configuration(refused('invalid_client', undefined, 401), RFC),
        ],
      },
    ),
    tells: verified,
    groups: { in: 'group:staff', out: 'group:guests' },
    quirks: 'iss on the callback is mandatory',
  },
  {
    name: 'oidc (odd secret)',
    provider: oidc({
      clientId: ODD_CLIENT.id,
      clientSecret: ODD_CLIENT.secret,
      issuer: 'https://id.example.com',
    }),
    client: ODD_CLIENT,
    profile: assumed('https://id.example.com', {
      documents: CORE,
      tokens: CORE,
      errors: RFC,
      identity: CORE,
    }),
    tells: verified,
    quirks: 'a secret with plus, percent, blank, ampersand and umlaut',
  },
  {
    name: 'google',
    provider: google(credentials),
    profile: captured(googleDocument, GOOGLE, googleProfile),
    tells: gmail,
    groups: { in: 'org:acme.example', out: 'org:other.example', claims: { hd: 'acme.example' } },
    quirks: 'refresh token never repeated; one revocation ends all; revocation without client authentication',
  },
  {
    name: 'google (bare issuer)',
    provider: google(credentials),
    profile: captured(googleDocument, GOOGLE, {
      ...googleProfile,
      openid: { issuer: 'accounts.google.com' },
    }),
    tells: gmail,
    quirks: 'ID tokens with another spelling of the issuer',
  },
  {
    name: 'workos',
    provider: workos({ ...credentials, subdomain: 'fearless-network-26' }),
    profile: captured(
      workosDocument('fearless-network-26.authkit.app'),
      {
        documents: 'https://fearless-network-26.authkit.app/.well-known/openid-configuration, 2026-09-21',
        tokens: 'https://workos.com/docs/reference/workos-connect/metadata',
        errors: 'workos/workos-node: issue 1202',
        identity: 'https://workos.com/docs/reference/workos-connect/metadata',
      },
      {
        auth: 'post',
        ttl: 300,
        claims: (person) => ({ ...claimsOf(person), org_id: 'org_01' }),
        dead: refused('invalid_grant', 'Refresh token already exchanged.'),
        // The other document of the same host, which names no userinfo endpoint.
        routes: {
          'GET https://fearless-network-26.authkit.app/.well-known/oauth-authorization-server': () =>
            json(workosServerDocument('fearless-network-26.authkit.app')),
        },
      },
    ),
    tells: { ...verified, claims: { organizations: ['org_01'] } },
    groups: { in: 'org:org_01', out: 'org:org_02' },
    quirks: 'the authorization server’s document names no userinfo endpoint',
  },
  {
    name: 'workos (own domain)',
    provider: workos({ ...credentials, domain: 'signin.workos.com' }),
    profile: captured(
      workosDocument('signin.workos.com'),
      {
        documents: 'api-evangelist/workos: well-known/workos-signin-oauth-authorization-server.json',
        tokens: 'https://workos.com/docs/reference/workos-connect/metadata',
        errors: RFC,
        identity: 'assumed: as on authkit.app',
      },
      { auth: 'post', ttl: 300 },
    ),
    tells: verified,
    quirks: 'a host of its own',
  },
  {
    name: 'workos-user-management',
    provider: workosUserManagement(credentials),
    profile: {
      sources: {
        tokens: 'https://workos.com/docs/reference/authkit/authentication',
        errors: 'workos/workos-node: issue 1202',
        identity: 'https://workos.com/docs/reference/authkit/user',
      },
      authorize: `${WORKOS_API}/authorize`,
      token: `${WORKOS_API}/authenticate`,
      auth: 'post',
      pkce: 'checked',
      scope: false,
      ttl: null,
      refreshes: 'rotates',
      needs: { authorize: { provider: 'authkit' } },
      accessToken: (id, _person, now) =>
        `${base64url({ alg: 'RS256' })}.${base64url({ sid: `session_${id}`, exp: now + 300 })}.c2lnbmF0dXJl`,
      shape: ({ access_token, refresh_token }, { person }) => ({
        user: {
          object: 'user',
          id: person.id,
          email: person.email,
          email_verified: true,
          first_name: 'Name of',
          last_name: person.login,
          profile_picture_url: null,
        },
        organization_id: 'org_01',
        access_token,
        refresh_token,
        authentication_method: 'Password',
      }),
      dead: refused('invalid_grant', 'Refresh token already exchanged.'),
      refusals: [
        final(
          refused('invalid_grant', 'Session has already ended.'),
          'https://workos.com/docs/reference/authkit/authentication-errors',
        ),
        final(
          json(
            {
              code: 'sso_required',
              message: 'User must authenticate using one of the matching connections.',
            },
            403,
          ),
          'https://workos.com/docs/reference/authkit/authentication-errors',
        ),
        configuration(refused('invalid_client', 'Invalid client ID.', 401), RFC),
      ],
      routes: {
        [`POST ${WORKOS_API}/sessions/revoke`]: ({ headers, text }, { end, issued }) => {
          if (headers.get('authorization') !== `Bearer ${CLIENT.secret}`) return { status: 401 }
          const { session_id: session } = JSON.parse(text) as { session_id: string }
          const token = issued().find((one) => sessionOf(one) === session)
          return { status: token !== undefined && end(token) ? 204 : 404 }
        },
      },
    },
    tells: { ...verified, claims: { organization: 'org_01' } },
    groups: { in: 'org:org_01', out: 'org:org_02' },
    quirks:
      'identity in the token response; no token_type, expiry in the JWT; sessions are revoked by the API key',
  },
  {
    name: 'auth0',
    provider: auth0({
      ...credentials,
      domain: 'contoso.eu.auth0.com',
      audience: 'https://api.contoso.example',
    }),
    profile: captured(
      auth0Document('contoso.eu.auth0.com'),
      {
        documents: 'https://dev-yg.us.auth0.com/.well-known/openid-configuration, 2026-07-25',
        tokens: 'auth0/docs-v2: refresh token rotation',
        errors: 'https://support.auth0.com',
        identity: CORE,
      },
      {
        auth: 'post',
        refreshes: 'rotates',
        needs: { authorize: { audience: 'https://api.contoso.example' } },
        claims: (person) => ({
          ...claimsOf(person),
          org_id: 'org_1',
          'https://contoso.example/roles': ['admin'],
        }),
        dead: refused('invalid_grant', 'Unknown or invalid refresh token.', 403),
        refusals: [
          transient(
            refused('too_many_attempts', 'Your account has been blocked.', 403),
            'https://support.auth0.com',
          ),
          configuration(refused('access_denied', 'Unauthorized', 401), 'https://auth0.com/docs'),
        ],
      },
    ),
    tells: verified,
    groups: { in: 'group:admin', out: 'group:auditor' },
    quirks: 'issuer with a slash; audience; claims named by URLs',
  },
  {
    name: 'okta',
    provider: okta({ ...credentials, domain: 'contoso.okta.com' }),
    profile: captured(
      oktaDocument('contoso.okta.com'),
      {
        documents: 'https://dev-120913.okta.com/.well-known/openid-configuration',
        tokens: 'https://developer.okta.com/docs/reference/api/oidc/',
        errors: OKTA,
        identity: 'https://developer.okta.com/docs/reference/api/oidc/',
      },
      {
        auth: 'basic-either',
        refreshes: 'same',
        needs: { refresh: ['scope'] },
        claims: (person) => ({ ...claimsOf(person), groups: ['Everyone', 'staff'] }),
        dead: refused('invalid_grant', 'The refresh token is invalid or expired.'),
        refusals: [
          final(refused('access_denied', 'User is not assigned to the client application.'), OKTA),
          final(
            refused('access_denied', 'The authorization server requires the user to re-authenticate.', 403),
            OKTA,
          ),
          transient(
            refused('access_denied', "The request is outside the client's permitted network zones.", 403),
            OKTA,
          ),
          transient(refused('invalid_grant', 'API call exceeded rate limit', 429), OKTA),
          configuration(
            refused(
              'access_denied',
              'Policy evaluation failed for this request, please check the policy configurations.',
              401,
            ),
            OKTA,
          ),
        ],
      },
    ),
    tells: verified,
    groups: { in: 'group:staff', out: 'group:guests' },
    quirks: 'scope at a refresh; access_denied has four meanings',
  },
  {
    name: 'okta (custom)',
    provider: okta({ ...credentials, domain: 'contoso.okta.com', authorizationServer: 'default' }),
    profile: assumed(
      'https://contoso.okta.com/oauth2/default',
      { documents: 'assumed: as the org’s', tokens: OKTA, errors: OKTA, identity: CORE },
      {
        auth: 'basic-either',
        paths: ['/v1/authorize', '/v1/token', '/v1/revoke', '/v1/userinfo'],
        refreshes: 'rotates',
        grace: 30,
      },
    ),
    tells: verified,
    quirks: 'issuer with a path',
  },
  {
    name: 'keycloak',
    provider: keycloak({ ...credentials, baseUrl: 'https://sso.example.com/', realm: 'staff' }),
    profile: captured(
      keycloakDocument('https://sso.example.com/realms/staff'),
      {
        documents: 'Keycloak 26, /realms/master/.well-known/openid-configuration',
        tokens: 'keycloak/keycloak: services, TokenManager.java',
        errors: 'keycloak/keycloak: services, TokenManager.java',
        identity: CORE,
      },
      {
        pkce: 'required',
        iss: 'https://sso.example.com/realms/staff',
        refreshes: 'rotates',
        revoke: {
          url: 'https://sso.example.com/realms/staff/protocol/openid-connect/revoke',
          style: 'rfc7009',
          ends: 'authorization',
          over: json({ error: 'invalid_token', error_description: 'Invalid token' }),
        },
        shape: (answer) => ({ ...answer, refresh_expires_in: 0, 'not-before-policy': 0, session_state: 'x' }),
        claims: (person) => ({
          ...claimsOf(person),
          groups: ['/staff', '/staff/platform'],
          realm_access: { roles: ['offline_access', 'mcp-user'] },
        }),
        dead: refused('invalid_grant', 'Token is not active'),
        refusals: [
          final(
            refused('invalid_grant', 'Session not active'),
            'keycloak/keycloak: services, TokenManager.java',
          ),
          configuration(
            refused('not_allowed', 'Offline tokens not allowed for the user or client'),
            'assumed',
          ),
          configuration(
            refused('unauthorized_client', 'Invalid client or Invalid client credentials', 401),
            'keycloak/keycloak: services',
          ),
        ],
      },
    ),
    tells: verified,
    groups: { in: 'group:mcp-user', out: 'group:admin' },
    quirks: 'one revocation ends all; 200 with invalid_token for a token that has ended',
  },
  {
    name: 'cognito',
    provider: cognito({ ...credentials, region: 'eu-west-1', userPool: 'eu-west-1_AbCdEf' }),
    profile: captured(
      cognitoDocument(
        'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf',
        'contoso.auth.eu-west-1.amazoncognito.com',
      ),
      {
        documents:
          'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_4OqDoWVrZ/.well-known/openid-configuration',
        tokens: 'https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html',
        errors: 'https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html',
        identity: 'https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html',
      },
      {
        // The scopes that a new app client allows.
        scope: { allowed: ['openid', 'email', 'phone'] },
        revoke: { url: 'https://contoso.auth.eu-west-1.amazoncognito.com/oauth2/revoke', style: 'rfc7009' },
        claims: ({ name, email }) => ({ name, email, email_verified: 'true', 'cognito:groups': ['staff'] }),
        refusals: [
          configuration(
            refused('unauthorized_client'),
            'https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html',
          ),
        ],
      },
    ),
    tells: verified,
    groups: { in: 'group:staff', out: 'group:guests' },
    quirks: 'a new app client refuses `profile`; endpoints on another host; "true" as text',
  },
  {
    name: 'gitlab',
    provider: gitlab(credentials),
    profile: captured(
      gitlabDocument,
      {
        documents: 'api-evangelist/gitlab: well-known/gitlab-openid-configuration.json',
        tokens: 'https://docs.gitlab.com/api/oauth2/',
        errors: 'coder/coder: coderd/externalauth',
        identity: 'https://docs.gitlab.com/integration/openid_connect_provider/',
      },
      {
        auth: 'post',
        ttl: 7200,
        refreshes: 'rotates',
        refreshKillsAccess: true,
        needs: { refresh: ['redirect_uri'] },
        claims: (person) => ({ ...claimsOf(person), groups_direct: ['acme'] }),
        api: {
          'GET https://gitlab.com/oauth/userinfo': (person) =>
            json({ sub: person.id, ...claimsOf(person), groups: ['acme', 'acme/platform'] }),
        },
        dead: refused('invalid_grant', 'The provided authorization grant is invalid, expired, revoked, …'),
      },
    ),
    tells: verified,
    groups: { in: 'org:acme', out: 'org:tools' },
    quirks: 'a refresh ends both previous tokens; redirect_uri at a refresh',
  },
  {
    name: 'supabase',
    provider: supabase({ ...credentials, project: 'abcdefgh' }),
    profile: assumed(
      'https://abcdefgh.supabase.co/auth/v1',
      {
        documents: 'assumed: the members of the document',
        tokens: 'supabase/auth: internal/tokens/service.go',
        errors: 'supabase/auth: internal/api/errors.go',
        identity: 'https://supabase.com/docs/guides/auth/oauth-server',
      },
      {
        paths: ['/oauth/authorize', '/oauth/token', '', '/oauth/userinfo'],
        openid: { scopes: ['openid', 'profile', 'email', 'phone'] },
        refreshes: 'rotates',
        grace: 10,
        shape: ({ scope: _, ...answer }) => answer,
        dead: json(
          {
            code: 400,
            error_code: 'refresh_token_not_found',
            msg: 'Invalid Refresh Token: Refresh Token Not Found',
          },
          400,
        ),
        refusals: [
          final(
            json(
              {
                code: 400,
                error_code: 'refresh_token_already_used',
                msg: 'Invalid Refresh Token: Already Used',
              },
              400,
            ),
            'supabase/auth: internal/tokens/service.go',
          ),
          final(
            json(
              { code: 400, error_code: 'session_expired', msg: 'Invalid Refresh Token: Session Expired' },
              400,
            ),
            'supabase/auth: internal/tokens/service.go',
          ),
          final(
            json({ code: 400, error_code: 'user_banned', msg: 'Invalid Refresh Token: User Banned' }, 400),
            'supabase/auth: internal/tokens/service.go',
          ),
          transient(
            json(
              { code: 429, error_code: 'over_request_rate_limit', msg: 'Request rate limit reached' },
              429,
            ),
            'supabase/auth: internal/api/errors.go',
          ),
          configuration(refused('invalid_client', undefined, 401), 'supabase/auth: internal/api/errors.go'),
        ],
      },
    ),
    tells: verified,
    quirks: 'errors have an error_code; no scope in the response',
  },
  {
    name: 'clerk',
    provider: clerk({ ...credentials, domain: 'clerk.contoso.example' }),
    profile: assumed(
      'https://clerk.contoso.example',
      {
        documents: 'assumed: the members of the document',
        tokens: 'clerk/clerk-docs: how-clerk-implements-oauth',
        errors: 'clerk/clerk-docs: how-clerk-implements-oauth',
        identity: 'clerk/clerk-docs: how-clerk-implements-oauth',
      },
      {
        paths: ['/oauth/authorize', '/oauth/token', '/oauth/token/revoke', '/oauth/userinfo'],
        ttl: 86_400,
        claims: () => ({}),
        api: {
          'GET https://clerk.contoso.example/oauth/userinfo': (person) =>
            json({ sub: person.id, ...claimsOf(person), org_id: 'org_1' }),
        },
        dead: refused('invalid_scope', 'The requested scope is invalid'),
        refusals: [final(refused('invalid_grant'), 'clerk/clerk-docs: how-clerk-implements-oauth')],
      },
    ),
    tells: verified,
    groups: { in: 'org:org_1', out: 'org:org_2' },
    quirks: 'address from userinfo; a grant that ends with invalid_scope',
  },
  {
    name: 'descope',
    provider: descope({ ...credentials, project: 'P2abc' }),
    profile: assumed(
      'https://api.descope.com/P2abc',
      {
        documents: 'assumed: the paths',
        tokens: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
        errors: 'assumed',
        identity: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
      },
      {
        auth: 'post',
        paths: ['/oauth2/v1/authorize', '/oauth2/v1/token', '/oauth2/v1/revoke', '/oauth2/v1/userinfo'],
        claims: (person) => ({ ...claimsOf(person), tenants: { T1: { roles: ['admin'] } } }),
      },
    ),
    tells: verified,
    groups: { in: 'org:T1', out: 'org:T2' },
    quirks: 'tenants as an object',
  },
  {
    name: 'descope (region)',
    provider: descope({ ...credentials, project: 'Peuc12aBcDeFgHiJkLmNoPqRsTuVwXyZ' }),
    profile: assumed(
      'https://api.euc1.descope.com/Peuc12aBcDeFgHiJkLmNoPqRsTuVwXyZ',
      {
        documents: 'descope/descope-dotnet: base URL tests',
        tokens: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
        errors: 'assumed',
        identity: 'https://docs.descope.com/identity-federation/applications/oidc-apps',
      },
      { auth: 'post', paths: ['/oauth2/v1/authorize', '/oauth2/v1/token', '', '/oauth2/v1/userinfo'] },
    ),
    tells: verified,
    quirks: 'the region is in the project id',
  },
  {
    name: 'stytch',
    provider: stytch({ ...credentials, issuer: 'https://contoso.customers.stytch.dev' }),
    profile: assumed(
      'https://contoso.customers.stytch.dev',
      {
        documents: 'assumed: the authorization endpoint on a site of one’s own',
        tokens: 'https://stytch.com/docs/api/connected-apps',
        errors: 'assumed',
        identity: 'https://stytch.com/docs/guides/connected-apps/overview',
      },
      {
        auth: 'post',
        paths: ['https://www.contoso.example/oauth/authorize', '/v1/oauth2/token', '', '/v1/oauth2/userinfo'],
        shape: (answer) => ({ ...answer, request_id: 'request-id-1', status_code: 200 }),
        dead: json(
          { status_code: 400, request_id: 'r', error_type: 'invalid_grant', error_message: 'it has expired' },
          400,
        ),
      },
    ),
    tells: verified,
    quirks: 'authorization on a site of one’s own; errors have an error_type',
  },
  {
    name: 'zitadel',
    provider: zitadel({ ...credentials, issuer: 'https://contoso.zitadel.cloud' }),
    profile: assumed(
      'https://contoso.zitadel.cloud',
      {
        documents: 'assumed: the members of the document',
        tokens: 'https://help.zitadel.com',
        errors: 'zitadel/oidc: pkg/op/token_refresh.go',
        identity: 'https://zitadel.com/docs/apis/openidoauth/claims',
      },
      {
        paths: ['/oauth/v2/authorize', '/oauth/v2/token', '/oauth/v2/revoke', '/oidc/v1/userinfo'],
        refreshes: 'rotates',
        claims: (person) => ({
          ...claimsOf(person),
          'urn:zitadel:iam:user:resourceowner:id': '278',
          'urn:zitadel:iam:org:project:roles': { editor: { '278': 'contoso.zitadel.cloud' } },
        }),
        dead: refused('invalid_grant', 'invalid refresh token'),
      },
    ),
    tells: verified,
    groups: { in: 'group:editor', out: 'group:owner' },
    quirks: 'roles are the keys of an object',
  },
  {
    name: 'authentik',
    provider: authentik({ ...credentials, baseUrl: 'https://auth.example.com', application: 'mcp' }),
    profile: assumed(
      'https://auth.example.com/application/o/mcp/',
      {
        documents: 'assumed: the members of the document',
        tokens: 'goauthentik/authentik: providers/oauth2/views/token.py',
        errors: 'goauthentik/authentik: providers/oauth2/views/token.py',
        identity: 'https://docs.goauthentik.io/add-secure-apps/providers/oauth2/',
      },
      {
        // goauthentik/authentik: providers/oauth2/utils.py does not decode the credentials.
        auth: 'basic-raw',
        paths: [
          'https://auth.example.com/application/o/authorize/',
          'https://auth.example.com/application/o/token/',
          'https://auth.example.com/application/o/revoke/',
          'https://auth.example.com/application/o/userinfo/',
        ],
        refreshes: 'rotates',
        claims: ({ name, email }) => ({ name, email, email_verified: false, groups: ['authentik Admins'] }),
        refusals: [
          configuration(refused('invalid_scope'), 'goauthentik/authentik: providers/oauth2/views/token.py'),
          configuration(
            refused('invalid_client', undefined, 401),
            'goauthentik/authentik: providers/oauth2/views/token.py',
          ),
        ],
      },
    ),
    tells: unverified,
    groups: { in: 'group:authentik Admins', out: 'group:guests' },
    quirks: 'does not decode Basic; issuer with a path and a slash',
  },
  {
    name: 'apple',
    provider: apple({
      clientId: CLIENT.id,
      teamId: 'TEAM123456',
      keyId: 'KEY1234567',
      privateKey: (appleKey.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string).replaceAll(
        '\n',
        '\\n',
      ),
    }),
    client: {
      ...CLIENT,
      es256: {
        key: appleKey.publicKey.export({ type: 'spki', format: 'pem' }) as string,
        kid: 'KEY1234567',
        issuer: 'TEAM123456',
        audience: 'https://appleid.apple.com',
      },
    },
    profile: assumed(
      'https://appleid.apple.com',
      {
        documents: 'assumed: the members of the document',
        tokens: 'https://developer.apple.com/documentation/signinwithapplerestapi/tokenresponse',
        errors: 'https://developer.apple.com/documentation/signinwithapplerestapi/errorresponse',
        identity: 'https://developer.apple.com/documentation/signinwithapplerestapi',
      },
      {
        auth: 'es256',
        pkce: 'refused',
        paths: ['/auth/authorize', '/auth/token', '/auth/revoke', ''],
        formPost: true,
        claims: ({ email }) => ({ email, email_verified: 'true' }),
        openid: { always: true, scopes: ['openid', 'email', 'name'] },
      },
    ),
    tells: { email: 'ada@example.com', emailVerified: true },
    quirks: 'a signed client secret; the authorization response is a form',
  },
]

function sessionOf(token: string): string | undefined {
  try {
    return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid?: string })
      .sid
  } catch {
    return undefined
  }
}
