import type { Provider } from '../../src/index.ts'
import { listOf, pairsOf, SettingsError } from './environment.ts'

type Settings = Readonly<Record<string, string | undefined>>

interface Common {
  clientId: string
  clientSecret: string | undefined
  scopes: string[] | undefined
  params: Record<string, string> | undefined
}

/** Makes a provider of `LOCKGATE_UPSTREAM_…`; `need` throws where one is missing. */
type Make = (
  common: Common,
  need: (name: string) => string,
  get: (name: string) => string | undefined,
) => Promise<Provider>

const PREFIX = 'LOCKGATE_UPSTREAM'

const PROVIDERS: Readonly<Record<string, Make>> = {
  async oidc(common, need) {
    const { oidc } = await import('../../src/providers/oidc.ts')
    return oidc({ ...common, issuer: need('ISSUER') })
  },
  async oauth2(common, need, get) {
    const { oauth2 } = await import('../../src/providers/oauth2.ts')
    return oauth2({
      ...common,
      issuer: get('ISSUER'),
      authorizationEndpoint: need('AUTHORIZATION_ENDPOINT'),
      tokenEndpoint: need('TOKEN_ENDPOINT'),
      userinfoEndpoint: need('USERINFO_ENDPOINT'),
      revocationEndpoint: get('REVOCATION_ENDPOINT'),
    })
  },
  async github(common, need) {
    const { github } = await import('../../src/providers/github.ts')
    return github({ ...common, clientSecret: need('CLIENT_SECRET') })
  },
}

/**
 * The provider that `LOCKGATE_UPSTREAM` names, from the variables behind it.
 *
 * @throws {SettingsError} Naming every variable that is missing or unknown.
 */
export async function readUpstream(env: Settings): Promise<Provider> {
  const name = env[PREFIX]
  const known = Object.keys(PROVIDERS).join(', ')
  if (!name) throw new SettingsError(`${PREFIX}: is missing; expected one of ${known}`)
  const make = Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name] : undefined
  if (!make) throw new SettingsError(`${PREFIX}: expected one of ${known}`)
  const missing: string[] = []
  const get = (key: string) => env[`${PREFIX}_${key}`] || undefined
  const need = (key: string) => {
    const value = get(key)
    if (value === undefined) missing.push(`${PREFIX}_${key}: is missing`)
    return value ?? ''
  }
  const [scopes, params] = [get('SCOPES'), get('PARAMS')]
  const common: Common = {
    clientId: need('CLIENT_ID'),
    clientSecret: get('CLIENT_SECRET'),
    scopes: scopes === undefined ? undefined : listOf(scopes.replaceAll(' ', ',')),
    params: params === undefined ? undefined : pairsOf(params, `${PREFIX}_PARAMS`),
  }
  const provider = await make(common, need, get)
  if (missing.length > 0) throw new SettingsError([...new Set(missing)].join('\n'))
  return provider
}
