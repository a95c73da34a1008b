import { closest, scalarOptions } from '../../../src/internal.ts'
import { type Variables, variableOf } from './environment.ts'
import { JSON_OPTIONS } from './json-options.ts'
import { DANGEROUS, dangerVariable } from './unsafe-settings.ts'

/** Variables without an option of the same name. */
const OWN = [
  'LOCKGATE_URL',
  'LOCKGATE_SECRET',
  'LOCKGATE_MCP',
  'LOCKGATE_MCP_PATH',
  'LOCKGATE_MCP_FORWARD',
  'LOCKGATE_UPSTREAM',
  'LOCKGATE_ALLOW',
  'LOCKGATE_STORAGE',
  'LOCKGATE_METRICS_TOKEN',
  'LOCKGATE_TLS_CERT',
  'LOCKGATE_TLS_KEY',
  'LOCKGATE_CONFIG',
  'LOCKGATE_LOG',
  'LOCKGATE_DRAIN',
  'LOCKGATE_DELAY',
  'LOCKGATE_KEEP_ALIVE',
  'LOCKGATE_DOCTOR_TOKEN',
]

/** Names that Kubernetes gives to every pod beside a service whose name begins with `lockgate`. */
const SERVICE_LINK =
  /^LOCKGATE_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const SERVICE_URL = /^(tcp|udp|sctp):\/\//

/** Returns every variable that is not one of a provider. */
export const knownVariables = (): string[] => [
  ...new Set([
    ...OWN,
    ...Object.keys(DANGEROUS).map(dangerVariable),
    ...JSON_OPTIONS.map(variableOf),
    ...scalarOptions().map(({ path }) => variableOf(path)),
  ]),
]

/**
 * Returns a line for each `LOCKGATE_…` variable that has no meaning.
 *
 * @param provider The name and the variables of the chosen provider. `undefined` if the provider is not known.
 */
export function unknownVariables(
  { origins, get }: Variables,
  provider: { name: string; variables: readonly string[] } | undefined,
  anyProvider: readonly string[],
): string[] {
  const known = knownVariables()
  const ofProvider = provider?.variables ?? anyProvider
  const isLink = (name: string) =>
    SERVICE_LINK.test(name) || (/_PORT$/.test(name) && SERVICE_URL.test(get(name) ?? ''))
  return [...origins]
    .filter(([name]) => name.startsWith('LOCKGATE_'))
    .filter(([name]) => !known.includes(name) && !ofProvider.includes(name) && !isLink(name))
    .map(([name, origin]) => {
      const short = (one: string) => one.replace(/^LOCKGATE_(UPSTREAM_)?/, '')
      const isUpstream = name.startsWith('LOCKGATE_UPSTREAM_')
      const candidates = isUpstream ? ofProvider : [...known, 'LOCKGATE_PORT', 'LOCKGATE_HOST']
      const meant = closestOf(name, candidates, short)
      return isUpstream && provider && anyProvider.includes(name)
        ? `${origin}: ${provider.name} has no such setting${meant}`
        : `${origin}: is not a setting of Lockgate${meant}`
    })
}

/** Compares without the common beginning, which would make all names alike. */
function closestOf(name: string, candidates: readonly string[], short: (one: string) => string): string {
  const meant = closest(short(name), candidates.map(short))
  const full = candidates.find((one) => short(one) === meant)
  return full === undefined ? '' : `; did you mean ${full.replace(/^LOCKGATE_(PORT|HOST)$/, '$1')}?`
}
