import * as v from 'valibot'
import { type Provider, ProviderSchema } from '../provider.ts'
import { isHttps } from './https.ts'

/** Who gives the provider of a request: for tenants that each have an application of their own. */
export type ChooseProvider = (request: Request) => Provider | Promise<Provider>

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

/** One provider, several of which the user chooses one, or a function. */
export const UpstreamSchema: v.GenericSchema<Provider | readonly Provider[] | ChooseProvider> = v.lazy(
  (input): v.GenericSchema<Provider | readonly Provider[] | ChooseProvider> => {
    if (typeof input === 'function') return v.custom<ChooseProvider>(() => true)
    if (!Array.isArray(input)) return OneProvider
    return v.pipe(
      v.array(OneProvider),
      v.minLength(1),
      v.check(
        (list) => new Set(list.map(({ id }) => id)).size === list.length,
        'two providers share one id: give one of them another, { ...provider, id: … }',
      ),
    )
  },
)
