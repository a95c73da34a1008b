import type { ProxyOptions, Store } from '../../../src/index.ts'
import { isLoopbackUrl as isLoopback } from '../../../src/internal.ts'
import { type Finding, fail, ok, show, skip } from '../../doctor/finding.ts'
import type { Closable } from '../../storage/driver.ts'
import { fromUrl } from '../../storage/from-url.ts'
import { newSecret } from '../configuration/secret.ts'
import { explain, findConfig, readSettings, type ServeSettings } from '../configuration/settings.ts'
import { findDangers } from '../configuration/unsafe-settings.ts'

const TITLE = 'The settings are complete'
/** Characters: every wrong setting is named, not only the first. */
const LONG = 2000

/** The place of the settings of a deployment, as `serve` would find them. */
export interface SettingsSource {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly config: string | undefined
}

/** The deployment behind an address, as far as its settings are at hand. */
export interface Deployment {
  readonly options: ProxyOptions | undefined
  readonly secondStore: Store | undefined
  readonly findings: readonly Finding[]
  close(): Promise<void>
}

/** Reads the settings of the deployment. Leaves nothing behind: a missing secret is not stored. */
export async function readDeployment(source: SettingsSource, address: string): Promise<Deployment> {
  const { env, cwd, config } = source
  const named = config !== undefined
  const none = (finding: Finding): Deployment => ({
    options: undefined,
    secondStore: undefined,
    findings: [finding],
    close: async () => {},
  })
  if (!named && !env.LOCKGATE_UPSTREAM && (await findConfig(cwd, undefined)) === undefined) {
    return none(skip('settings', TITLE, 'none here; --config also examines secret, storage and provider'))
  }
  let opened: ServeSettings
  try {
    const secret = env.LOCKGATE_SECRET || (isLoopback(address) ? newSecret() : undefined)
    opened = await readSettings({ ...env, ...(secret && { LOCKGATE_SECRET: secret }) }, cwd, { config })
  } catch (error) {
    const seen = show(explain(error) ?? (error instanceof Error ? error.message : 'an error'), LONG)
    return none(
      fail('settings', TITLE, {
        seen,
        expected: 'settings that `lockgate serve` starts with',
        fix: 'Correct the named settings. The README lists every option and variable.',
      }),
    )
  }
  const { options, storage } = opened
  const store = options.storage as Store & Partial<Closable>
  if (!isBelow(address, options.url) && !named) {
    await store.close?.()
    return none(skip('settings', TITLE, `the settings here are those of ${show(options.url)}`))
  }
  // A second process would have its own connection, so the second racer has one too.
  const shared = /^(redis|rediss|postgres|postgresql|sqlite):/.test(storage)
  const second = shared ? await fromUrl(storage).catch(() => undefined) : undefined
  return {
    options,
    secondStore: second,
    findings: [dangersFinding(env, opened)],
    async close() {
      await store.close?.()
      await (second as Partial<Closable> | undefined)?.close?.()
    },
  }
}

const isBelow = (address: string, url: string): boolean =>
  URL.canParse(url) &&
  `${address.replace(/\/$/, '')}/`.startsWith(`${new URL(url).href.replace(/\/+$/, '')}/`)

/** The settings that `serve` refuses unless they are confirmed. */
function dangersFinding(env: NodeJS.ProcessEnv, { options, storage: said }: ServeSettings): Finding {
  const [id, title] = ['settings.dangers', 'Nothing is open by mistake']
  const { url, upstream, allow } = options
  const storage = said.includes(':') ? said : undefined
  const dangers = findDangers(env, { url, storage, upstream, allow })
  if (dangers.length === 0) return ok(id, title)
  return fail(id, title, {
    seen: show(dangers.join(' '), LONG),
    expected: 'settings that `lockgate serve` starts with',
    fix: 'Set what is named there, or confirm it.',
  })
}
