import { readFile } from 'node:fs/promises'
import type { ClientKey, Credentials, OwnLogin, Provider } from '../../../src/index.ts'
import type { Input, ProviderFactory } from '../../../src/providers/define.ts'
import { didYouMean, listOf, pairsOf, SettingsError, toSwitch, variableOf } from './environment.ts'
import { knownIssuer, OTHER_NAMES } from './known-issuers.ts'

type Settings = Readonly<Record<string, string | undefined>>

const PREFIX = 'LOCKGATE_UPSTREAM'

/** Every provider under the name that `LOCKGATE_UPSTREAM` knows it by. */
export const PROVIDERS: Readonly<
  Record<string, () => Promise<{ definition: ProviderFactory['definition'] }>>
> = {
  // providers:begin
  airtable: async () => (await import('../../../src/providers/airtable.ts')).airtable,
  apple: async () => (await import('../../../src/providers/apple.ts')).apple,
  asana: async () => (await import('../../../src/providers/asana.ts')).asana,
  atlassian: async () => (await import('../../../src/providers/atlassian.ts')).atlassian,
  auth0: async () => (await import('../../../src/providers/auth0.ts')).auth0,
  authentik: async () => (await import('../../../src/providers/authentik.ts')).authentik,
  'azure-b2c': async () => (await import('../../../src/providers/azure-b2c.ts')).azureB2c,
  bitbucket: async () => (await import('../../../src/providers/bitbucket.ts')).bitbucket,
  box: async () => (await import('../../../src/providers/box.ts')).box,
  clerk: async () => (await import('../../../src/providers/clerk.ts')).clerk,
  clickup: async () => (await import('../../../src/providers/clickup.ts')).clickup,
  'cloudflare-access': async () =>
    (await import('../../../src/providers/cloudflare-access.ts')).cloudflareAccess,
  cognito: async () => (await import('../../../src/providers/cognito.ts')).cognito,
  descope: async () => (await import('../../../src/providers/descope.ts')).descope,
  discord: async () => (await import('../../../src/providers/discord.ts')).discord,
  dropbox: async () => (await import('../../../src/providers/dropbox.ts')).dropbox,
  figma: async () => (await import('../../../src/providers/figma.ts')).figma,
  github: async () => (await import('../../../src/providers/github.ts')).github,
  'github-app': async () => (await import('../../../src/providers/github-app.ts')).githubApp,
  'github-enterprise': async () =>
    (await import('../../../src/providers/github-enterprise.ts')).githubEnterprise,
  gitlab: async () => (await import('../../../src/providers/gitlab.ts')).gitlab,
  google: async () => (await import('../../../src/providers/google.ts')).google,
  hubspot: async () => (await import('../../../src/providers/hubspot.ts')).hubspot,
  intercom: async () => (await import('../../../src/providers/intercom.ts')).intercom,
  keycloak: async () => (await import('../../../src/providers/keycloak.ts')).keycloak,
  linear: async () => (await import('../../../src/providers/linear.ts')).linear,
  linkedin: async () => (await import('../../../src/providers/linkedin.ts')).linkedin,
  microsoft: async () => (await import('../../../src/providers/microsoft.ts')).microsoft,
  'microsoft-external': async () =>
    (await import('../../../src/providers/microsoft-external.ts')).microsoftExternal,
  monday: async () => (await import('../../../src/providers/monday.ts')).monday,
  notion: async () => (await import('../../../src/providers/notion.ts')).notion,
  oauth2: async () => (await import('../../../src/providers/oauth2.ts')).oauth2,
  oidc: async () => (await import('../../../src/providers/oidc.ts')).oidc,
  okta: async () => (await import('../../../src/providers/okta.ts')).okta,
  quickbooks: async () => (await import('../../../src/providers/quickbooks.ts')).quickbooks,
  salesforce: async () => (await import('../../../src/providers/salesforce.ts')).salesforce,
  sentry: async () => (await import('../../../src/providers/sentry.ts')).sentry,
  servicenow: async () => (await import('../../../src/providers/servicenow.ts')).servicenow,
  shopify: async () => (await import('../../../src/providers/shopify.ts')).shopify,
  slack: async () => (await import('../../../src/providers/slack.ts')).slack,
  stripe: async () => (await import('../../../src/providers/stripe.ts')).stripe,
  stytch: async () => (await import('../../../src/providers/stytch.ts')).stytch,
  supabase: async () => (await import('../../../src/providers/supabase.ts')).supabase,
  workos: async () => (await import('../../../src/providers/workos.ts')).workos,
  'workos-user-management': async () =>
    (await import('../../../src/providers/workos-user-management.ts')).workosUserManagement,
  x: async () => (await import('../../../src/providers/x.ts')).x,
  xero: async () => (await import('../../../src/providers/xero.ts')).xero,
  zendesk: async () => (await import('../../../src/providers/zendesk.ts')).zendesk,
  zitadel: async () => (await import('../../../src/providers/zitadel.ts')).zitadel,
  zoom: async () => (await import('../../../src/providers/zoom.ts')).zoom,
  // providers:end
}

/** Options that every provider has. */
const COMMON = ['clientId', 'clientSecret', 'id', 'name', 'scopes', 'params', 'groupsClaim']

/** Further ones, of providers that know more than one way in which an application proves itself. */
const PROOF = [
  'pushedRequests',
  'privateKey',
  'certificate',
  'keyId',
  'keyAlg',
  'assertionAudience',
  'assertionPath',
]

const commonOf = ({ definition }: ProviderFactory): readonly string[] =>
  definition.secret === 'optional' ? [...COMMON, ...PROOF] : COMMON

/** The variable of one option of a provider: `baseUrl` → `LOCKGATE_UPSTREAM_BASE_URL`. */
export const upstreamVariable = (input: string): string => variableOf(`upstream.${input}`)

/** Returns the variables of one provider, or `undefined` if there is no such provider. */
export async function variablesOf(name: string | undefined): Promise<string[] | undefined> {
  if (name === 'dev') return []
  const factory = await factoryOf(name)
  return factory && [...commonOf(factory), ...Object.keys(textInputs(factory))].map(upstreamVariable)
}

/** Returns the variables of all providers. */
export async function variablesOfAll(): Promise<string[]> {
  const all = await Promise.all(Object.keys(PROVIDERS).map(variablesOf))
  return [...new Set(all.flatMap((names) => names ?? []))]
}

const factoryOf = async (name: string | undefined): Promise<ProviderFactory | undefined> =>
  name !== undefined && Object.hasOwn(PROVIDERS, name)
    ? ((await PROVIDERS[name]!()) as ProviderFactory)
    : undefined

/** The inputs that a text can express. */
const textInputs = ({ definition }: ProviderFactory): Record<string, Input> =>
  Object.fromEntries(
    Object.entries((definition.inputs ?? {}) as Record<string, Input>).filter(([, one]) => !one.inCodeOnly),
  )

/**
 * Makes the provider that `LOCKGATE_UPSTREAM` names, from its variables.
 *
 * @param originOf Names a variable in messages. Default: its own name.
 * @throws {SettingsError} Naming every variable that is missing or wrong.
 */
export async function readUpstream(
  env: Settings,
  originOf: (variable: string) => string = (variable) => variable,
): Promise<Provider | OwnLogin> {
  const name = env[PREFIX]
  if (name === 'dev') return (await import('../../../src/providers/dev.ts')).dev()
  const factory = await factoryOf(name)
  if (!name || !factory) {
    const names = [...Object.keys(PROVIDERS), 'dev']
    const known = knownIssuer(name)
    if (known)
      throw new SettingsError(
        `${originOf(PREFIX)}: ${known.name} needs no name of its own; set it to oidc, and ${upstreamVariable('issuer')} to ${known.pattern}`,
      )
    const other = OTHER_NAMES[name?.toLowerCase().replaceAll(/[ _]/g, '-') ?? '']
    const guess = other ? `; did you mean ${other}?` : name ? didYouMean(name, names) : ''
    if (!name) {
      throw new SettingsError(
        `${originOf(PREFIX)}: is missing; set it and its variables to your provider, such as github or oidc, or add --dev to try without a provider`,
      )
    }
    const problem = `is not a provider${guess}`
    // The list is long, and hides the guess.
    const rest = guess ? '' : `; expected one of ${names.join(', ')}`
    throw new SettingsError(`${originOf(PREFIX)}: ${problem}${rest}`)
  }
  const { secret, docs } = factory.definition
  const problems: string[] = []
  const get = (input: string) => env[upstreamVariable(input)] || undefined
  const need = (input: string, expected = '') => {
    const variable = upstreamVariable(input)
    const hint =
      input === 'clientId' || input === 'clientSecret'
        ? `; ${fillIn(input, variable)}`
        : expected && `; expected ${expected}`
    if (get(input) === undefined) problems.push(`${variable}: is missing${hint}`)
    return get(input) ?? ''
  }
  const fillIn = (input: 'clientId' | 'clientSecret', variable: string) => {
    const what = input === 'clientId' ? 'the client id' : 'the client secret'
    const place = originOf(variable).endsWith(' in .env') ? 'in .env' : 'in .env or in the environment'
    return `write ${what} of the application that you register at ${factory.definition.name} ${place}; see ${docs}`
  }
  const scopes = get('scopes')
  const params = get('params')
  const groupsClaim = get('groupsClaim')
  const options: Record<string, unknown> = {
    clientId: need('clientId'),
    ...(secret !== 'none' && {
      clientSecret: secret === 'required' ? need('clientSecret') : get('clientSecret'),
    }),
    id: get('id'),
    name: get('name'),
    scopes: scopes === undefined ? undefined : listOf(scopes.replaceAll(' ', ',')),
    params: params === undefined ? undefined : pairsOf(params, originOf(upstreamVariable('params'))),
    groupsClaim: groupsClaim === undefined ? undefined : listOf(groupsClaim),
    ...(secret === 'optional' && readProof(get, originOf)),
  }
  const inputs = textInputs(factory)
  const anyHttp = inputs.dangerouslyAllowHttp && get('dangerouslyAllowHttp')
  if (anyHttp !== undefined) {
    options.dangerouslyAllowHttp = toSwitch(anyHttp, originOf(upstreamVariable('dangerouslyAllowHttp')))
  }
  for (const [input, { required, read, expected }] of Object.entries(inputs)) {
    if (input === 'dangerouslyAllowHttp') continue
    options[input] = required ? need(input, expected) : get(input)
    if (!options[input]) continue
    try {
      read(options[input], options)
    } catch (error) {
      const problem = error instanceof TypeError ? error.message : 'is not valid'
      problems.push(`${originOf(upstreamVariable(input))}: ${problem}`)
    }
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  return factory(options as unknown as Parameters<typeof factory>[0])
}

/**
 * Reads the options by which the application proves itself without a secret.
 *
 * @throws {SettingsError} For a key that is neither PEM nor JSON.
 */
function readProof(
  get: (input: string) => string | undefined,
  originOf: (variable: string) => string,
): Pick<Credentials, 'clientAssertion' | 'pushedRequests'> {
  const [key, path, pushed] = [get('privateKey'), get('assertionPath'), get('pushedRequests')]
  if (key !== undefined && path !== undefined) {
    const both = ['privateKey', 'assertionPath'].map((one) => originOf(upstreamVariable(one))).join(' and ')
    throw new SettingsError(`${both}: set one of the two`)
  }
  const origin = originOf(upstreamVariable('privateKey'))
  return {
    ...(pushed !== undefined && {
      pushedRequests: toSwitch(pushed, originOf(upstreamVariable('pushedRequests'))),
    }),
    ...(path !== undefined && { clientAssertion: () => readFile(path, 'utf8') }),
    ...(key !== undefined && {
      clientAssertion: {
        privateKey: key.trim().startsWith('{') ? jwkOf(key, origin) : key,
        certificate: get('certificate'),
        keyId: get('keyId'),
        alg: get('keyAlg') as ClientKey['alg'],
        audience: get('assertionAudience'),
      },
    }),
  }
}

function jwkOf(text: string, origin: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new SettingsError(`${origin}: expected a private key, as PEM or as JWK`)
  }
}
