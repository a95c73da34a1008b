import type { Input, InputOptions, Inputs, InputValues } from './parts/inputs.ts'
import { isProviderUrl } from './parts/inputs.ts'
import type { Credentials, Provider, ProviderParts, SettledParts } from './provider.ts'

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

/** Whether the provider wants a client secret. */
export type SecretRule = 'required' | 'optional' | 'none'

/** One provider, as data: what it is, what it needs from its user, and how it differs from the specifications. */
export interface Definition<I extends Inputs, S extends SecretRule> {
  /** Short name, as the file and `LOCKGATE_UPSTREAM` have it. */
  readonly id: string
  readonly name: string
  /** The page of the provider's documentation that says so. */
  readonly docs: string
  /** The day somebody last compared the two, as `2026-11-22`. */
  readonly verified: string
  /** How well it is known: `low` is a lead, not a specification. */
  readonly confidence: 'high' | 'medium' | 'low'
  readonly secret: S
  readonly inputs?: I | undefined
  readonly parts: ProviderParts | ((inputs: InputValues<I>, credentials: Credentials) => ProviderParts)
}

/** What every provider's function takes, whatever its own inputs. */
export type CredentialsBy<S extends SecretRule> = Omit<Credentials, 'clientSecret'> &
  (S extends 'required'
    ? { clientSecret: string }
    : S extends 'none'
      ? { clientSecret?: undefined }
      : { clientSecret?: string | undefined })

/** The function that makes one provider, with the definition it was made of. */
export interface ProviderFactory<S extends SecretRule = SecretRule, Options = unknown> {
  /** @throws {TypeError} Naming every option that is missing or wrong. */
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
 * Makes a function like those of `lockgate/providers/…` of a definition.
 *
 * Whatever the definition or its user says, redirects, `state`, https and the issuer of ID tokens stay checked.
 */
// biome-ignore lint/complexity/noBannedTypes: a definition without inputs has none, not unknown ones
export function defineProvider<const S extends SecretRule, I extends Inputs = {}>(
  definition: Definition<I, S>,
): ProviderFactory<S, InputOptions<I>> {
  const make = (options: CredentialsBy<S> & InputOptions<I>): Provider => {
    const credentials = options as unknown as Credentials
    const values = readInputs(definition, options as unknown as Record<string, unknown>)
    const { parts } = definition
    const own = typeof parts === 'function' ? parts(values, credentials) : parts
    return settle(definition, own, credentials)
  }
  return Object.assign(make, { definition })
}

function readInputs<I extends Inputs, S extends SecretRule>(
  { id, inputs, secret }: Definition<I, S>,
  options: Readonly<Record<string, unknown>>,
): InputValues<I> {
  const problems: string[] = []
  const isText = (name: string) => typeof options[name] === 'string' && options[name] !== ''
  if (!isText('clientId')) problems.push('clientId: expected a text')
  if (secret === 'required' && !isText('clientSecret')) problems.push('clientSecret: expected a text')
  const read = Object.entries((inputs ?? {}) as Record<string, Input>).map(([name, input]) => {
    try {
      return [name, input.read(options[name], options)]
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      problems.push(`${name}: ${error.message}`)
      return [name, undefined]
    }
  })
  if (problems.length > 0) throw new TypeError(`${id}: ${problems.join('; ')}`)
  return Object.fromEntries(read) as InputValues<I>
}

function settle(
  { id, name, secret }: { id: string; name: string; secret: SecretRule },
  own: ProviderParts,
  { clientId, clientSecret, scopes, params, overrides }: Credentials,
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
    throw new TypeError(`${id}: the issuer is no https URL`)
  for (const [endpoint, address] of Object.entries(parts.endpoints)) {
    const [path] = (address ?? issuer).split('?')
    if (!isProviderUrl(path!, anyHttp)) throw new TypeError(`${id}: the ${endpoint} endpoint is no https URL`)
  }
  if (!parts.discovery && !(parts.endpoints.authorization && parts.endpoints.token)) {
    throw new TypeError(`${id}: expected an authorization and a token endpoint`)
  }
  const proves = clientSecret !== undefined || secret === 'none'
  return {
    ...parts,
    id,
    name: parts.name ?? name,
    issuer,
    callbackIssuer: compares || idToken ? 'enforce' : 'ignore',
    clientId,
    clientSecret,
    clientAuth: proves ? parts.clientAuth : 'none',
    scopes: asked,
    // Whoever says what to ask for means that, and no more.
    optionalScopes: scopes ? undefined : parts.optionalScopes,
    idToken,
    params: { ...parts.params, ...params },
  }
}

const originOf = (address: string | undefined): string =>
  address !== undefined && URL.canParse(address) ? new URL(address).origin : ''

/** What is given as `undefined` is not given. */
const withoutGaps = (parts: ProviderParts) =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as {
    [K in keyof ProviderParts]?: NonNullable<ProviderParts[K]>
  }
