import type { Fetch, ProxyOptions, Store } from '../../../../src/index.ts'
import type { Closable } from '../../../storage/driver.ts'
import { fromUrl } from '../../../storage/from-url.ts'
import { providersOf } from '../../configuration/providers.ts'
import {
  explain,
  findConfig,
  newSecret,
  readSettings,
  type ServeSettings,
} from '../../configuration/settings.ts'
import { findDangers, isLoopback } from '../../configuration/unsafe-settings.ts'
import { type Finding, fail, judge, ok, show, skip } from '../finding.ts'
import type { Probe } from '../probe.ts'
import { secretFinding } from './secret.ts'
import { storageFindings } from './storage.ts'
import { type Trial, trySignIn } from './trial.ts'
import { upstreamFindings } from './upstream.ts'

const TITLE = 'The settings are complete'
/** Characters: every wrong setting is named, not the first alone. */
const LONG = 2000

/** Where the settings of the deployment are, as `serve` would find them. */
export interface SettingsSource {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly config: string | undefined
}

/** What is behind the address: settings, secret, storage and provider. Where no settings are at hand, that is said. */
export async function examineDeployment(
  source: SettingsSource,
  { address, probe, fetch, timeout }: { address: string; probe: Probe; fetch: Fetch; timeout: number },
): Promise<Finding[]> {
  const { env, cwd, config } = source
  const named = config !== undefined
  if (!named && !env.LOCKGATE_UPSTREAM && (await findConfig(cwd, undefined)) === undefined) {
    return [skip('settings', TITLE, 'none here; --config looks at secret, storage and provider too')]
  }
  const made = newSecret()
  let opened: ServeSettings
  try {
    // On loopback `serve` makes a missing secret and keeps it; looking must leave nothing behind.
    const secret = env.LOCKGATE_SECRET || (isLoopback(address) ? made : undefined)
    opened = await readSettings({ ...env, ...(secret && { LOCKGATE_SECRET: secret }) }, cwd, { config })
  } catch (error) {
    return [wrongSettings(error)]
  }
  const { options } = opened
  const store = options.storage as Store & Partial<Closable>
  const matches = isBelow(address, options.url)
  try {
    if (!matches && !named) {
      return [skip('settings', TITLE, `the settings here are those of ${show(options.url)}`)]
    }
    const providers = providersOf(options.upstream)
    const trials = await Promise.all(providers.map(({ id }) => attempt(options, fetch, address, id)))
    const failed = trials.find((trial) => 'id' in trial)
    if (failed) return [failed]
    const url = judge(
      'settings.url',
      'They are about this address',
      matches
        ? undefined
        : {
            seen: `url is ${show(options.url)}`,
            expected: `an address that ${show(address)} begins with`,
            fix: 'Set `url` (LOCKGATE_URL) to the public address, or give doctor the right one.',
          },
    )
    return [
      ok('settings', TITLE, opened.file && show(opened.file)),
      url,
      dangersFinding(env, opened),
      ...([options.secret].flat().includes(made) ? [] : [secretFinding(options)]),
      ...(await examineStorage(store, opened.storage, timeout)),
      ...(providers.length === 0
        ? [skip('upstream', 'The provider', 'which one it is depends on the request')]
        : await Promise.all(
            providers.map((provider, index) => upstreamFindings(provider, trials[index] as Trial, probe)),
          )
      ).flat(),
    ]
  } finally {
    await store.close?.()
  }
}

const isBelow = (address: string, url: string): boolean =>
  URL.canParse(url) &&
  `${address.replace(/\/$/, '')}/`.startsWith(`${new URL(url).href.replace(/\/+$/, '')}/`)

/** What `serve` would not start with, unless told that it is meant. */
function dangersFinding(env: NodeJS.ProcessEnv, { options, storage: said }: ServeSettings): Finding {
  const [id, title] = ['settings.dangers', 'Nothing is open by mistake']
  const { url, upstream, allow } = options
  const storage = said.includes(':') ? said : undefined
  const dangers = findDangers(env, { url, storage, upstream, allow })
  if (dangers.length === 0) return ok(id, title)
  return fail(id, title, {
    seen: show(dangers.join(' '), LONG),
    expected: 'settings that `lockgate serve` starts with',
    fix: 'Set what is named there, or say that it is meant.',
  })
}

/** Where the storage has an address, the second racer has a connection of its own, as a second process would. */
async function examineStorage(store: Store, storage: string, timeout: number): Promise<Finding[]> {
  const shared = /^(redis|rediss|postgres|postgresql|sqlite):/.test(storage)
  const second = shared ? await fromUrl(storage).catch(() => undefined) : undefined
  try {
    return await storageFindings(store, second ?? store, timeout)
  } finally {
    await (second as Partial<Closable> | undefined)?.close?.()
  }
}

async function attempt(
  options: ProxyOptions,
  fetch: Fetch,
  address: string,
  provider: string,
): Promise<Trial | Finding> {
  try {
    return await trySignIn(options, fetch, Array.isArray(options.mcp) ? address : undefined, provider)
  } catch (error) {
    return wrongSettings(error)
  }
}

const wrongSettings = (error: unknown): Finding =>
  fail('settings', TITLE, {
    seen: show(explain(error) ?? (error instanceof Error ? error.message : 'an error'), LONG),
    expected: 'settings that `lockgate serve` starts with',
    fix: 'Correct what is named there; the README lists every option and variable.',
  })
