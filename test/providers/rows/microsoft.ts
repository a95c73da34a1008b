import { azureB2c } from 'lockgate/providers/azure-b2c'
import { microsoft } from 'lockgate/providers/microsoft'
import { microsoftExternal } from 'lockgate/providers/microsoft-external'
import { entraDocument } from '../documents.ts'
import {
  assumed,
  captured,
  claimsOf,
  configuration,
  credentials,
  final,
  GUID,
  type Row,
  transient,
  unverified,
} from './row.ts'

const ENTRA = 'https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow'
const CODES = 'https://learn.microsoft.com/entra/identity-platform/reference-error-codes'
const SOURCES = {
  documents: 'Azure/azure-sdk-for-js: sdk/identity/identity/recordings',
  tokens: ENTRA,
  errors: CODES,
  identity: 'https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference',
}

const aadsts = (error: string, code: number, words: string, status = 400) => ({
  status,
  body: {
    error,
    error_description: `AADSTS${code}: ${words} Trace ID: 0000 Correlation ID: 1111 Timestamp: 2026-11-27 07:00:00Z`,
    error_codes: [code],
    timestamp: '2026-11-27 07:00:00Z',
    trace_id: '0000',
    correlation_id: '1111',
    ...(error === 'interaction_required' && { suberror: 'basic_action' }),
  },
})

const dead = aadsts('invalid_grant', 700082, 'The refresh token has expired due to inactivity.')
const refusals = [
  final(
    aadsts(
      'interaction_required',
      50076,
      'Due to a configuration change made by your administrator, you must use multi-factor authentication.',
    ),
    CODES,
  ),
  final(
    aadsts('consent_required', 65001, 'The user or administrator has not consented to use the application.'),
    CODES,
  ),
  final(aadsts('login_required', 50058, 'Session information is not sufficient for single-sign-on.'), CODES),
  transient(
    aadsts('invalid_grant', 90033, 'A transient error has occurred. Please try again.'),
    'assumed: the error code of the response',
  ),
  transient(
    aadsts(
      'invalid_grant',
      50196,
      'The server terminated an operation because it encountered a client request loop.',
    ),
    CODES,
  ),
  configuration(aadsts('invalid_client', 7000215, 'Invalid client secret provided.', 401), CODES),
  configuration(aadsts('unauthorized_client', 700016, 'Application was not found in the directory.'), CODES),
]

const entraClaims = ({ id, name, email }: { id: string; name: string; email: string }) => ({
  name,
  email,
  preferred_username: email,
  sub: `pairwise-${id}`,
  oid: `oid-${id}`,
  tid: GUID,
  groups: ['6c9b0b1e-0000-4000-8000-000000000001'],
})

const entra = (path: string, issuer: string, own: object = {}) =>
  captured(entraDocument(path, issuer), SOURCES, {
    url: `https://login.microsoftonline.com/${path}/v2.0/.well-known/openid-configuration`,
    auth: 'post',
    pkce: 'required',
    refreshes: 'rotates',
    grace: 3600,
    needs: { exchange: ['scope'], refresh: ['scope'] },
    claims: entraClaims,
    openid: { issuer: `https://login.microsoftonline.com/${GUID}/v2.0` },
    dead,
    refusals,
    ...own,
  })

export const MICROSOFT: readonly Row[] = [
  {
    name: 'microsoft',
    provider: microsoft({ ...credentials, tenant: GUID }),
    profile: entra(GUID, GUID),
    tells: { ...unverified, claims: { organizations: [GUID] } },
    groups: {
      in: 'group:6c9b0b1e-0000-4000-8000-000000000001',
      out: 'group:6c9b0b1e-0000-4000-8000-000000000002',
    },
    quirks: 'scope at every token request; address never verified',
  },
  {
    name: 'microsoft (by domain)',
    provider: microsoft({ ...credentials, tenant: 'contoso.example' }),
    profile: entra('contoso.example', GUID),
    tells: unverified,
    quirks: 'issuer from the document',
  },
  {
    name: 'microsoft (organizations)',
    provider: microsoft({ ...credentials, tenant: 'organizations', tenants: [GUID] }),
    profile: entra('organizations', '{tenantid}', {
      refusals: [
        ...refusals.slice(0, -1),
        final(aadsts('unauthorized_client', 700016, 'Application was not found in the directory.'), CODES),
        final(
          aadsts('unauthorized_client', 7000112, 'Application is disabled.', 403),
          'dust-tt/dust: core/src/oauth/providers/microsoft.rs',
        ),
      ],
    }),
    tells: unverified,
    groups: { in: `org:${GUID}`, out: 'org:22222222-2222-4333-8444-555555555555' },
    quirks: 'an issuer for each tenant',
  },
  {
    name: 'microsoft-external',
    provider: microsoftExternal({ ...credentials, subdomain: 'contoso', tenant: GUID }),
    profile: assumed(
      `https://${GUID}.ciamlogin.com/${GUID}/v2.0`,
      {
        documents: 'assumed: the host of the issuer',
        tokens: 'https://learn.microsoft.com/entra/external-id/customers/',
        errors: CODES,
        identity: 'assumed: the claims',
      },
      {
        auth: 'post',
        paths: [
          `https://contoso.ciamlogin.com/${GUID}/oauth2/v2.0/authorize`,
          `https://contoso.ciamlogin.com/${GUID}/oauth2/v2.0/token`,
          '',
          '',
        ],
        discovery: `https://contoso.ciamlogin.com/${GUID}/v2.0/.well-known/openid-configuration`,
        refreshes: 'rotates',
        claims: (person) => ({ ...claimsOf(person), roles: ['editor'] }),
        dead,
        refusals: refusals.slice(0, 6),
      },
    ),
    tells: unverified,
    groups: { in: 'group:editor', out: 'group:owner' },
    quirks: 'issuer on another host',
  },
  {
    name: 'azure-b2c',
    provider: azureB2c({ ...credentials, tenant: 'contoso', policy: 'B2C_1_signin' }),
    profile: assumed(
      `https://contoso.b2clogin.com/${GUID}/v2.0/`,
      {
        documents: 'assumed: the members of the document',
        tokens: 'https://learn.microsoft.com/azure/active-directory-b2c/authorization-code-flow',
        errors: CODES,
        identity: 'assumed: the claims of a user flow',
      },
      {
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
        refusals: [transient(aadsts('invalid_grant', 90033, 'A transient error has occurred.'), 'assumed')],
      },
    ),
    tells: unverified,
    quirks: 'issuer without the user flow; a list of addresses',
  },
  {
    name: 'azure-b2c (custom policy)',
    provider: azureB2c({
      ...credentials,
      tenant: 'contoso',
      policy: 'B2C_1A_SIGNIN',
      host: 'login.contoso.example',
    }),
    profile: assumed(
      `https://login.contoso.example/${GUID}/v2.0/`,
      {
        documents: 'assumed: the members of the document',
        tokens: 'https://learn.microsoft.com/azure/active-directory-b2c/custom-domain',
        errors: CODES,
        identity: 'assumed: the claims of a custom policy',
      },
      {
        auth: 'post',
        paths: [
          'https://login.contoso.example/contoso.onmicrosoft.com/B2C_1A_SIGNIN/oauth2/v2.0/authorize',
          'https://login.contoso.example/contoso.onmicrosoft.com/B2C_1A_SIGNIN/oauth2/v2.0/token',
          '',
          '',
        ],
        discovery:
          'https://login.contoso.example/contoso.onmicrosoft.com/B2C_1A_SIGNIN/v2.0/.well-known/openid-configuration',
        refreshes: 'rotates',
        claims: ({ name, email }) => ({ name, email }),
      },
    ),
    tells: unverified,
    quirks: 'a custom domain; one address',
  },
]
