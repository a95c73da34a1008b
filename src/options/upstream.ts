import * as v from 'valibot'
import type { ConfigIssue } from '../errors.ts'
import { isLoopbackUrl } from '../http/loopback.ts'
import { type ScopeTable, upstreamScopes } from '../protocol/scope.ts'
import type { ClientKey } from '../providers/parts/client-assertion.ts'
import { isHttps } from '../providers/parts/https.ts'
import { providerIssues } from '../providers/parts/unusable.ts'
import { isProvider, PROVIDER_ID, type Provider } from '../providers/provider.ts'
import { byKind, type Entries, hook, label, listOf, shape } from '../validation/shape.ts'
import { areUnique, type Report } from './report.ts'

/**
 * Returns the provider of a request, for tenants that each have their own application. It must return the same one for
 * every request of a tenant. Return `undefined` if there is no such tenant: the response is then 404.
 */
export type ChooseProvider = (request: Request) => Provider | undefined | Promise<Provider | undefined>

/** The sign-in page of your own application, instead of a provider. It calls `proxy.completeAuthorization`. */
export interface OwnLogin {
  /** The path or URL of the page, at the origin of `url`: a page elsewhere would not receive the cookies it needs. */
  readonly login: string
  /** The name of the account that users sign in with, for the consent page. */
  readonly name: string
  /**
   * The id, if there are several providers.
   *
   * @default 'own'
   */
  readonly id?: string | undefined
  /** Marks the sign-in of `lockgate/providers/dev`. Its page is part of Lockgate. */
  readonly development?: true | undefined
}

/** Options about the identity provider. */
export interface UpstreamOptions {
  /**
   * The identity provider, from `lockgate/providers/…`. With a list the user chooses one; two of a kind need different
   * ids: `oidc({ id: 'staff', … })`. A function chooses one per request, for tenants; a grant is valid for its own tenant
   * only. `{ login, name }` is a page of your own application.
   */
  upstream: Provider | OwnLogin | readonly (Provider | OwnLogin)[] | ChooseProvider
}

/** A provider, or the application's own sign-in. */
export type Place = Provider | OwnLogin

export const isOwnLogin = (place: Place): place is OwnLogin => 'login' in place

/** Tells whether users sign in on the page for development. */
export const isDevelopment = (upstream: readonly Place[] | ChooseProvider): boolean =>
  typeof upstream !== 'function' && upstream.some((one) => isOwnLogin(one) && one.development === true)

/** Returns the private keys by which this application proves itself, of the providers that are known before a request. */
export const clientKeysOf = (upstream: readonly Place[] | ChooseProvider): readonly ClientKey[] =>
  typeof upstream === 'function'
    ? []
    : upstream.flatMap((one) =>
        !isOwnLogin(one) && typeof one.clientAssertion === 'object' ? [one.clientAssertion] : [],
      )

export const idOf = (place: Place): string => place.id ?? 'own'

/** Returns what is wrong with a provider, by the name of its member. */
export function providerFaults(provider: unknown): readonly ConfigIssue[] {
  if (typeof provider !== 'object' || provider === null) return [{ path: '', message: EXPECTED_ONE }]
  const issues = providerIssues(provider)
  if (issues.length > 0) return issues
  if (!isProvider(provider)) return [{ path: '', message: EXPECTED_ONE }]
  const { clientId, id, issuer, discovery, dangerouslyAllowHttp } = provider
  const rules: readonly [broken: boolean, path: string, message: string][] = [
    [clientId === '', 'clientId', 'is required'],
    [!PROVIDER_ID.test(id), 'id', ID_RULE],
    [
      Boolean(discovery) && !isHttps(issuer) && dangerouslyAllowHttp !== true,
      'issuer',
      'expected an https URL',
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, path, message]) => ({ path, message }))
}

const EXPECTED_ONE = 'expected a provider such as google({ … })'
const ID_RULE = 'expected up to 64 letters, digits, - and _'

const oneProvider: v.GenericSchema<Provider> = v.pipe(
  v.custom<object>((input) => typeof input === 'object' && input !== null),
  v.rawCheck(({ dataset, addIssue }) => {
    const input = dataset.value as Readonly<Record<string, unknown>>
    for (const { path: key, message } of providerFaults(input)) {
      const item: v.ObjectPathItem = { type: 'object', origin: 'value', input, key, value: undefined }
      addIssue({ message, ...(key !== '' && { path: [item] }) })
    }
  }),
) as unknown as v.GenericSchema<Provider>

const ownLogin = shape({
  login: v.pipe(v.string(), v.regex(/^(\/(?!\/)|https?:\/\/)[\x21-\x7e]*$/, 'expected a path or a URL')),
  name: label,
  id: v.optional(v.pipe(v.string(), v.regex(PROVIDER_ID, ID_RULE))),
  development: v.optional(v.literal(true)),
})

/** The name of a function of `lockgate/providers/…`, which makes a provider and chooses none. */
const factoryName = (fn: unknown): string | undefined =>
  (fn as { readonly definition?: { readonly id?: string } }).definition?.id

const notCalled = (id: string): string =>
  `is the function of the provider ${id} itself: call it, with its options`

const EXPECTED =
  'expected a provider such as google({ … }), a list of providers, { login, name } or a function'

const place: v.GenericSchema<Place> = byKind<Place>(
  { object: v.lazy((input) => ('login' in (input as object) ? ownLogin : oneProvider)) },
  'expected a provider such as google({ … }), or { login, name }',
)

export const upstreamEntries: Entries<UpstreamOptions, UpstreamOptions> = {
  upstream: byKind<UpstreamOptions['upstream']>(
    {
      function: v.pipe(
        hook(),
        v.check(
          (fn) => factoryName(fn) === undefined,
          ({ input }) => notCalled(factoryName(input)!),
        ),
      ),
      object: place,
      list: v.pipe(
        listOf(place, 1),
        v.check(
          (list) => areUnique(list.map(idOf)),
          'two providers share one id: set the option `id` of one of them',
        ),
      ),
    },
    EXPECTED,
  ),
}

export interface UpstreamSettings {
  /** The providers, or the function that chooses one per request. */
  readonly upstream: readonly [Place, ...Place[]] | ChooseProvider
}

/**
 * Returns the providers whose user ids could be those of an earlier one. Without ID tokens the issuer is the origin of the
 * token endpoint, and two authorization servers can share an origin.
 */
function sameIssuers(places: readonly Place[]): number[] {
  const providers = places.map((one) => (isOwnLogin(one) ? undefined : one))
  return providers.flatMap((one, index) => {
    if (!one || one.idToken) return []
    const isTaken = providers.some((other, at) => {
      if (!other || at === index || other.issuer !== one.issuer) return false
      if (other.endpoints.token === one.endpoints.token) return false
      // An issuer that was given, and is compared on the callback, is the operator's word.
      return other.idToken ? one.callbackIssuer !== 'enforce' : at < index
    })
    return isTaken ? [index] : []
  })
}

export function settleUpstream(
  { upstream }: UpstreamOptions,
  { origin, scopes }: { origin: string; scopes: ScopeTable },
  report: Report,
): UpstreamSettings {
  if (typeof upstream === 'function') return { upstream }
  const places = [upstream].flat() as readonly Place[]
  for (const index of sameIssuers(places)) {
    report(
      `upstream.${index}.issuer`,
      'is the issuer of another provider too, so their users could not be told apart: set `issuer` of one of them',
      'upstream',
    )
  }
  for (const [index, one] of places.entries()) {
    const path = Array.isArray(upstream) ? `upstream.${index}` : 'upstream'
    if (isOwnLogin(one)) {
      const isHere = new URL(one.login, origin).origin === origin
      if (one.development && !isLoopbackUrl(origin)) {
        report(path, 'signs in everyone, for development: `url` must be on loopback', 'url')
      }
      if (!isHere) report(`${path}.login`, 'expected a page at the origin of `url`', 'url')
    } else if (!one.sendScope && upstreamScopes(Object.keys(scopes), scopes, one.id).length > 0) {
      report(
        'scopes',
        `names \`upstream\` scopes, but ${one.id} fixes its scopes at registration`,
        'upstream',
      )
    }
  }
  return { upstream: places as readonly [Place, ...Place[]] }
}
