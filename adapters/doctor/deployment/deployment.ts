import { ConfigError, createProxy, type Fetch, type ProxyOptions, type Store } from '../../../src/index.ts'
import { removedPrefix } from '../checks/prefix.ts'
import { type Finding, fail, judge, ok, show, skip } from '../finding.ts'
import type { Probe } from '../probe.ts'
import { issuerFindings } from './issuers.ts'
import { providersOf } from './providers.ts'
import { publicFindings } from './public-tools.ts'
import { secretFinding } from './secret.ts'
import { storageFindings } from './storage.ts'
import { type Trial, trySignIn } from './trial.ts'
import { upstreamFindings } from './upstream.ts'

const TITLE = 'The settings are complete'
/** Characters: every wrong setting is named, not only the first. */
const LONG = 2000

/** Examines the deployment behind the address: its URL, its secret, its storage and its providers. */
export async function examineDeployment(
  options: ProxyOptions,
  about: {
    url: string
    probe: Probe
    fetch: Fetch
    timeout: number
    secondStore: Store | undefined
  },
): Promise<Finding[]> {
  const { url, probe, fetch, timeout, secondStore } = about
  let [resources, issuer]: [readonly string[], string] = [[], '']
  try {
    const proxy = createProxy({ ...options, on: { event: () => {} } })
    issuer = proxy.issuer
    resources = proxy.resources.map(({ id }) => id)
  } catch (error) {
    return [wrongSettings(error)]
  }
  const providers = providersOf(options.upstream)
  const resource =
    resources.length > 1 ? (resources.find((id) => isBelow(url, id)) ?? resources[0]) : undefined
  const trials = await Promise.all(
    providers.map(({ id }) => trySignIn(options, fetch, resource, id).catch(wrongSettings)),
  )
  const failed = trials.find((trial) => 'id' in trial)
  if (failed) return [failed]
  return [
    ok('settings', TITLE),
    urlFinding(url, resources),
    secretFinding(options),
    ...publicFindings(options),
    ...(await issuerFindings(options, { issuer, resources, fetch })),
    ...(await storageFindings(options.storage, secondStore, timeout)),
    ...(providers.length === 0
      ? [skip('upstream', 'The provider', 'the provider depends on the request')]
      : await Promise.all(
          providers.map((provider, index) => upstreamFindings(provider, trials[index] as Trial, probe)),
        )
    ).flat(),
  ]
}

const isBelow = (url: string, resource: string): boolean =>
  `${new URL(url).href.replace(/\/+$/, '')}/`.startsWith(`${resource.replace(/\/+$/, '')}/`)

function urlFinding(url: string, resources: readonly string[]): Finding {
  const removed = resources.map((id) => removedPrefix(url, id)).find((one) => one !== undefined)
  return judge(
    'settings.url',
    'The settings are those of this address',
    resources.some((id) => isBelow(url, id))
      ? undefined
      : {
          seen: `the settings publish ${show(resources.join(', '))}`,
          expected: show(url),
          fix:
            removed === undefined
              ? 'Set `url` (LOCKGATE_URL) to the public address without the path of the MCP server, or give doctor the right address.'
              : `Your proxy strips the prefix ${show(removed)}. Let it pass the path unchanged, and set \`url\` (LOCKGATE_URL) to ${show(new URL(url).origin + removed)}.`,
        },
  )
}

const wrongSettings = (error: unknown): Finding =>
  fail('settings', TITLE, {
    seen: show(error instanceof Error ? textOf(error) : 'an error', LONG),
    expected: 'settings that Lockgate starts with',
    fix: 'Correct the named settings.',
  })

const textOf = (error: Error): string =>
  error instanceof ConfigError
    ? error.issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
    : error.message
