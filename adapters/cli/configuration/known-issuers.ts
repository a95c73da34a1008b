import { guid, type Input, label, oneOf, text, url, withDefault } from '../../../src/providers/define.ts'

type Inputs = Readonly<Record<string, Input>>
type Values = Readonly<Record<string, string>>

/** A provider that needs nothing but the definition `oidc` and its issuer. */
export interface KnownIssuer {
  readonly name: string
  /** The page of its documentation. */
  readonly docs: string
  /** The parts of the issuer that differ between customers. `issuer` itself is read as it is. */
  readonly inputs: Inputs
  /** The issuer as documents show it, with the inputs and `client id` in angle brackets. */
  readonly pattern: string
}

const own: Inputs = { issuer: url }
const subdomain: Inputs = { subdomain: label }

/**
 * Providers by the name that `init` takes. From public guides, as of 2026-11-27.
 *
 * @see [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
 */
export const KNOWN_ISSUERS: Readonly<Record<string, KnownIssuer>> = {
  authelia: {
    name: 'Authelia',
    docs: 'https://www.authelia.com/configuration/identity-providers/openid-connect/clients/',
    inputs: own,
    pattern: 'https://auth.example.com',
  },
  casdoor: {
    name: 'Casdoor',
    docs: 'https://casdoor.org/docs/how-to-connect/oidc-client/',
    inputs: own,
    pattern: 'https://door.example.com',
  },
  duo: {
    name: 'Duo',
    docs: 'https://duo.com/docs/sso-oidc-generic',
    inputs: {
      subdomain: text('the part before `.sso.duosecurity.com`, such as `sso-abc1def2`', /^[a-z0-9-]{1,63}$/),
    },
    pattern: 'https://<subdomain>.sso.duosecurity.com/oidc/<client id>',
  },
  frontegg: {
    name: 'Frontegg',
    docs: 'https://developers.frontegg.com/ciam/guides/authentication/sso/idp/overview',
    inputs: subdomain,
    pattern: 'https://<subdomain>.frontegg.com',
  },
  fusionauth: {
    name: 'FusionAuth',
    docs: 'https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/endpoints',
    inputs: own,
    pattern: 'https://auth.example.com',
  },
  jumpcloud: {
    name: 'JumpCloud',
    docs: 'https://jumpcloud.com/support/sso-with-oidc',
    inputs: {},
    pattern: 'https://oauth.id.jumpcloud.com/',
  },
  kinde: {
    name: 'Kinde',
    docs: 'https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/',
    inputs: subdomain,
    pattern: 'https://<subdomain>.kinde.com',
  },
  logto: {
    name: 'Logto',
    docs: 'https://docs.logto.io/integrate-logto/third-party-applications',
    inputs: { tenant: label },
    pattern: 'https://<tenant>.logto.app/oidc',
  },
  onelogin: {
    name: 'OneLogin',
    docs: 'https://developers.onelogin.com/openid-connect/api/provider-config',
    inputs: subdomain,
    pattern: 'https://<subdomain>.onelogin.com/oidc/2',
  },
  ory: {
    name: 'Ory Network',
    docs: 'https://www.ory.com/docs/oauth2-oidc/authorization-code-flow',
    inputs: { slug: label },
    pattern: 'https://<slug>.projects.oryapis.com',
  },
  pingone: {
    name: 'PingOne',
    docs: 'https://developer.pingidentity.com/pingone-api/auth/introduction.html',
    inputs: {
      environmentId: guid,
      region: withDefault(oneOf('com', 'eu', 'ca', 'asia', 'com.au', 'sg'), 'com'),
    },
    pattern: 'https://auth.pingone.<region>/<environmentId>/as',
  },
  propelauth: {
    name: 'PropelAuth',
    docs: 'https://docs.propelauth.com/overview/authentication/oauth2',
    inputs: own,
    pattern: 'https://auth.example.com',
  },
}

/** Providers by other names that people give them. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  aad: 'microsoft',
  'active-directory': 'microsoft',
  amazon: 'cognito',
  aws: 'cognito',
  azure: 'microsoft',
  'azure-ad': 'microsoft',
  azuread: 'microsoft',
  b2c: 'azure-b2c',
  cloudflare: 'cloudflare-access',
  confluence: 'atlassian',
  entra: 'microsoft',
  'entra-id': 'microsoft',
  entraid: 'microsoft',
  ghe: 'github-enterprise',
  gh: 'github',
  gmail: 'google',
  gsuite: 'google',
  'google-workspace': 'google',
  intuit: 'quickbooks',
  jira: 'atlassian',
  ms: 'microsoft',
  office365: 'microsoft',
  m365: 'microsoft',
  twitter: 'x',
  workspace: 'google',
}

/** Returns a provider that `init` knows by its issuer alone. */
export const knownIssuer = (name: string | undefined): KnownIssuer | undefined =>
  name !== undefined && Object.hasOwn(KNOWN_ISSUERS, name) ? KNOWN_ISSUERS[name] : undefined

/** Returns `true` if the issuer contains the client id. */
export const namesClient = ({ pattern }: KnownIssuer): boolean => pattern.includes('<client id>')

/** Returns the issuer of one customer, from values that were checked. */
export const issuerOf = ({ pattern, inputs }: KnownIssuer, values: Values, clientId: string): string =>
  inputs.issuer === undefined
    ? pattern.replace(/<([^>]+)>/g, (_, name: string) =>
        name === 'client id'
          ? encodeURIComponent(clientId)
          : (values[name] ?? String(inputs[name]?.read(undefined as never))),
      )
    : (values.issuer ?? '')
