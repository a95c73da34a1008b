import type { ConfigIssue } from '../errors.ts'
import { parseUrl } from '../http/parse-url.ts'
import { unknownName } from '../validation/closest.ts'
import { credentialFault } from '../validation/trimmed.ts'
import { checkAssertion } from './parts/client-assertion.ts'
import type { Input, InputOptions, Inputs, InputValues } from './parts/inputs.ts'
import { isClaims, isProviderUrl, WrongInput } from './parts/inputs.ts'
import { rulesLeft } from './parts/rules-left.ts'
import { unusableProvider } from './parts/unusable.ts'
import {
  type Credentials,
  PROVIDER_ID,
  type Provider,
  type ProviderParts,
  type SettledParts,
} from './provider.ts'

export {
  anyText,
  baseUrl,
  guid,
  host,
  type Input,
  type InputOptions,
  type Inputs,
  type InputValues,
  label,
  list,
  oneOf,
  optional,
  segment,
  text,
  url,
  withDefault,
} from './parts/inputs.ts'
export type { IssuerRule } from './parts/issuer.ts'
export type {
  Credentials,
  IdentityMap,
  Pointer,
  Provider,
  ProviderParts,
  RefreshErrorRule,
  TokenAnswer,
} from './provider.ts'

/** The provider needs a client secret, accepts one, or has none. */
export type SecretRule = 'required' | 'optional' | 'none'

/** One provider, as data: its facts, the options it needs, and its differences from the specifications. */
export interface Definition<I extends Inputs, S extends SecretRule> {
  /** The short name, as in `LOCKGATE_UPSTREAM`. */
  readonly id: string
  readonly name: string
  /** The page of the provider's documentation. */
  readonly docs: string
  /** The day on which the definition was last compared with its sources, as `2026-11-22`. */
  readonly verified: string
  /**
   * The confidence in the definition: `verified` by `lockgate doctor --provider` with an account, `high` by the
   * provider's documents or source code, `medium` by several clients, `low` as a lead.
   */
  readonly confidence: 'verified' | 'high' | 'medium' | 'low'
  readonly secret: S
  readonly inputs?: I | undefined
  readonly parts: ProviderParts | ((inputs: InputValues<I>, credentials: Credentials) => ProviderParts)
}

/** The options of every provider's function, in addition to its own inputs. */
export type CredentialsBy<S extends SecretRule> = Omit<Credentials, 'clientSecret'> &
  (S extends 'required'
    ? { clientSecret: string }
    : S extends 'none'
      ? { clientSecret?: undefined }
      : { clientSecret?: string | undefined })

/** The function that makes one provider, with its definition. */
export interface ProviderFactory<S extends SecretRule = SecretRule, Options = unknown> {
  /** Makes the provider. Wrong options are reported by `createProxy`, together with all others. */
  (options: CredentialsBy<S> & Options): Provider
  readonly definition: Omit<Definition<Inputs, S>, 'parts'>
}

const DEFAULTS = {
  issuerRule: { type: 'exact' },
  discovery: false,
  endpoints: {},
  basicEncoding: 'rfc6749',
  scopes: [],
  scopeParam: 'scope',
  scopeSeparator: ' ',
  sendScope: true,
  nonce: true,
  pkce: true,
  params: {},
  rotation: 'maybe',
  refreshErrors: [],
  identity: { subject: 'sub', email: 'email', emailVerified: 'email_verified', name: 'name' },
  revocation: { style: 'rfc7009' },
} as const satisfies ProviderParts

/**
 * Makes a function like those of `lockgate/providers/…` from a definition.
 *
 * No definition and no option switches off the checks of redirects, `state`, https and the issuer of ID tokens.
 *
 * @example
 * ```ts
 * import { defineProvider, host } from 'lockgate/providers/define'
 *
 * export const acme = defineProvider({
 *   id: 'acme',
 *   name: 'Acme',
 *   docs: 'https://acme.example/docs/oauth',
 *   verified: '2026-11-27',
 *   confidence: 'high',
 *   secret: 'required',
 *   inputs: { host },
 *   parts: ({ host }) => ({ issuer: `https://${host}`, discovery: true, scopes: ['openid', 'email'] }),
 * })
 * ```
 */
// biome-ignore lint/complexity/noBannedTypes: a definition without inputs has none, not unknown ones
export function defineProvider<const S extends SecretRule, I extends Inputs = {}>(
  definition: Definition<I, S>,
): ProviderFactory<S, InputOptions<I>> {
  const make = (options: CredentialsBy<S> & InputOptions<I>): Provider => {
    const credentials = (options ?? {}) as unknown as Credentials
    const issues: ConfigIssue[] = []
    const values = readInputs(definition, { ...credentials }, (path, message) =>
      issues.push({ path, message }),
    )
    if (issues.length > 0) return unusableProvider(definition.id, issues)
    try {
      const { parts } = definition
      const own = typeof parts === 'function' ? parts(values, credentials) : parts
      return settle(definition, own, credentials)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      const path = error instanceof WrongInput ? error.input : ''
      return unusableProvider(definition.id, [{ path, message: error.message }])
    }
  }
  return Object.assign(make, { definition })
}

const COMMON: readonly (keyof Credentials)[] = [
  'clientId',
  'clientSecret',
  'clientAssertion',
  'pushedRequests',
  'id',
  'name',
  'scopes',
  'params',
  'groupsClaim',
  'overrides',
]

/** Reads the inputs of a definition from its user's options, and reports every option that is wrong. */
function readInputs<I extends Inputs, S extends SecretRule>(
  { inputs = {} as I, secret }: Definition<I, S>,
  options: Readonly<Record<string, unknown>>,
  report: (path: string, message: string) => void,
): InputValues<I> {
  const isText = (value: unknown) => typeof value === 'string' && value !== ''
  const isMissing = (name: string) => options[name] === undefined || options[name] === ''
  for (const name of ['clientId', 'clientSecret']) {
    const isNeeded = name === 'clientId' || secret === 'required'
    const fault = isNeeded && isMissing(name) ? 'is required' : credentialFault(options[name])
    if (fault) report(name, fault)
  }
  checkAssertion(options, secret, report)
  if (options.id !== undefined && !(isText(options.id) && PROVIDER_ID.test(options.id as string))) {
    report('id', 'expected up to 64 letters, digits, - and _')
  }
  if (!isText(options.name ?? 'none')) report('name', 'expected text')
  if (!isClaims(options.groupsClaim))
    report('groupsClaim', 'expected the name of a claim, or a list of names')
  const known = [...COMMON, ...Object.keys(inputs)]
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name)) report(name, unknownName('an option', name, known))
  }
  const read = Object.entries(inputs as Record<string, Input>).map(([name, input]) => {
    try {
      return [name, input.read(options[name], options)]
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      report(name, isMissing(name) && input.required ? `is required: ${input.expected}` : error.message)
      return [name, undefined]
    }
  })
  return Object.fromEntries(read) as InputValues<I>
}

function settle(
  { id, name, secret }: { id: string; name: string; secret: SecretRule },
  own: ProviderParts,
  { clientId, clientSecret, scopes, params, groupsClaim, overrides, ...given }: Credentials,
): Provider {
  const parts: ProviderParts & Omit<SettledParts, 'name' | 'issuer' | 'idToken'> = {
    ...DEFAULTS,
    ...withoutGaps(own),
    ...withoutGaps(overrides ?? {}),
  }
  const asked = scopes ?? parts.scopes
  const idToken = parts.idToken ?? asked.includes('openid')
  const issuer = parts.issuer ?? originOf(parts.endpoints.token)
  const compares = parts.callbackIssuer !== 'ignore' && parts.issuer !== undefined
  const { dangerouslyAllowHttp: anyHttp = false } = parts
  if (!isProviderUrl(issuer.replace(/[{}]/g, ''), anyHttp))
    throw new WrongInput('issuer', 'expected an https URL')
  for (const [endpoint, address] of Object.entries(parts.endpoints)) {
    const [path] = (address ?? issuer).split('?')
    if (!isProviderUrl(path!, anyHttp)) throw new WrongInput(`endpoints.${endpoint}`, 'expected an https URL')
  }
  if (!parts.discovery && !(parts.endpoints.authorization && parts.endpoints.token)) {
    throw new WrongInput('endpoints', 'expected an authorization and a token endpoint')
  }
  const proves = clientSecret !== undefined || secret === 'none'
  return {
    ...parts,
    id: given.id ?? id,
    name: given.name ?? parts.name ?? name,
    issuer,
    callbackIssuer: compares || idToken ? 'enforce' : 'ignore',
    clientId,
    clientSecret,
    clientAssertion: given.clientAssertion,
    pushedRequests: given.pushedRequests,
    clientAuth: proves ? parts.clientAuth : 'none',
    scopes: asked,
    // A list that the operator gives is complete.
    optionalScopes: scopes ? undefined : parts.optionalScopes,
    idToken,
    rules: rulesLeft(parts.rules, overrides, groupsClaim !== undefined),
    ...(groupsClaim !== undefined && {
      identity: { ...parts.identity, groups: [groupsClaim].flat() },
    }),
    params: { ...parts.params, ...params },
  }
}

const originOf = (address = ''): string => parseUrl(address)?.origin ?? ''

/** Copies parts without the members that are `undefined`. */
const withoutGaps = (parts: ProviderParts) =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as {
    [K in keyof ProviderParts]?: NonNullable<ProviderParts[K]>
  }
