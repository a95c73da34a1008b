import * as v from 'valibot'
import { isHttps } from '../providers/parts/https.ts'
import { type Provider, ProviderSchema } from '../providers/provider.ts'

/**
 * Gives the provider of a request: for tenants that each have an application of their own. Whatever request belongs to a
 * tenant, it gives the same one; nothing where there is no such tenant, which is then answered with 404.
 */
export type ChooseProvider = (request: Request) => Provider | undefined | Promise<Provider | undefined>

/** The application's own sign-in, in place of a provider: its page calls `proxy.completeAuthorization`. */
export interface OwnLogin {
  /** The page's path, or its URL: at the origin of `url`, or the browser would not show it what it needs. */
  readonly login: string
  /** What people sign in with, as the consent page says it. */
  readonly name: string
  /** Where there are several: `own` by default. */
  readonly id?: string
}

/** What a provider’s id may be: it stands in the path of its callback and in records. */
const ID = /^[\w-]{1,64}$/

/** One provider, as its factory made it. */
export const OneProvider: v.GenericSchema<Provider> = v.pipe(
  ProviderSchema as v.GenericSchema<Provider>,
  v.check((input) => input.clientId !== '', 'its clientId is missing'),
  v.check((input) => ID.test(input.id), 'its id has other characters than letters, digits, - and _'),
  v.check(
    (input) => isHttps(input.issuer) || !input.discovery || input.dangerouslyAllowHttp === true,
    'its issuer must be an https URL',
  ),
)

const OwnLoginSchema: v.GenericSchema<OwnLogin> = v.strictObject({
  login: v.pipe(v.string(), v.regex(/^(\/(?!\/)|https?:\/\/)[\x21-\x7e]*$/, 'expected a path or a URL')),
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  id: v.exactOptional(v.pipe(v.string(), v.regex(ID))),
})

/** Where people sign in. */
type Place = Provider | OwnLogin

export const isOwnLogin = (input: Place): input is OwnLogin => 'login' in input

export const idOf = (place: Place): string => place.id ?? 'own'

const OnePlace: v.GenericSchema<Place> = v.lazy(
  (input): v.GenericSchema<Place> =>
    typeof input === 'object' && input !== null && 'login' in input ? OwnLoginSchema : OneProvider,
)

type Upstreams = Place | readonly Place[] | ChooseProvider

/** One provider, several of which the user chooses one, or a function. */
export const UpstreamSchema: v.GenericSchema<Upstreams> = v.lazy((input): v.GenericSchema<Upstreams> => {
  if (typeof input === 'function') return v.custom<ChooseProvider>(() => true)
  if (!Array.isArray(input)) return OnePlace
  return v.pipe(
    v.array(OnePlace),
    v.minLength(1),
    v.check(
      (list) => new Set(list.map(idOf)).size === list.length,
      'two providers share one id: give one of them another, { ...provider, id: … }',
    ),
  )
})
