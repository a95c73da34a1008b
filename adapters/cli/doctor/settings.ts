import { basename } from 'node:path'
import { createProxy, type ProxyOptions, type Store } from '../../../src/index.ts'
import { parseUrl } from '../../../src/internal.ts'
import { type Finding, fail, ok, show, skip } from '../../doctor/finding.ts'
import type { Closable } from '../../storage/driver.ts'
import { fromUrl } from '../../storage/from-url.ts'
import { findConfig } from '../configuration/config-file.ts'
import { openVariables, type Variables } from '../configuration/environment.ts'
import { explain } from '../configuration/messages.ts'
import { readSettings, type ServeSettings } from '../configuration/settings.ts'
import { findDangers } from '../configuration/unsafe-settings.ts'

const TITLE = 'The settings are complete'
/** Characters: every wrong setting is named, not only the first. */
const LONG = 2000

/** The place of the settings of a deployment, as `serve` would find them. */
export interface SettingsSource {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** The config file that the operator named. */
  readonly config: string | undefined
}

/** The deployment behind an address, as far as its settings are at hand. */
export interface Deployment {
  readonly options: ProxyOptions | undefined
  readonly secondStore: Store | undefined
  readonly findings: readonly Finding[]
  /** The addresses that the deployment publishes. */
  readonly addresses: readonly string[]
  close(): Promise<void>
}

/**
 * Reads the settings of the deployment, and writes nothing. A config file is a program that may belong to another
 * server, so it runs only if the operator names it, gives no address, or gives the one of `LOCKGATE_URL`.
 *
 * @param address The address to examine, or `undefined` for the one of the settings.
 */
export async function readDeployment(
  { env, cwd, config }: SettingsSource,
  address: string | undefined,
): Promise<Deployment> {
  const variables = await openVariables(env, cwd, [])
  const file = await findConfig(cwd, config ?? variables.get('LOCKGATE_CONFIG')).catch(() => undefined)
  if (config === undefined && file === undefined && !variables.get('LOCKGATE_UPSTREAM')) {
    return without(skip('settings', TITLE, 'none here; --config also examines secret, storage and provider'))
  }
  const isOwn = address === undefined || isBelow(address, variables.get('LOCKGATE_URL') ?? '')
  if (config === undefined && file !== undefined && !file.endsWith('.json') && !isOwn) {
    const name = basename(file)
    return without(
      skip(
        'settings',
        TITLE,
        `${name} was not run, since it may be another server's; --config ${name} runs it`,
      ),
    )
  }
  let opened: ServeSettings
  try {
    const flags = config === undefined ? {} : { LOCKGATE_CONFIG: config }
    opened = await readSettings(env, cwd, { flags, dry: true })
  } catch (error) {
    return without(wrongSettings(explain(error) ?? (error instanceof Error ? error.message : 'an error')))
  }
  return deploymentOf(opened, address, config !== undefined)
}

async function deploymentOf(
  opened: ServeSettings,
  address: string | undefined,
  isNamed: boolean,
): Promise<Deployment> {
  const { options, storage, variables } = opened
  const store = options.storage as Store & Partial<Closable>
  if (address !== undefined && !isBelow(address, options.url) && !isNamed) {
    await store.close?.()
    return without(skip('settings', TITLE, `the settings here are those of ${show(options.url)}`))
  }
  // A second process would have its own connection, so the second racer has one too.
  const shared = /^(redis|rediss|postgres|postgresql|sqlite):/.test(storage ?? '')
  const second = shared ? await fromUrl(storage!).catch(() => undefined) : undefined
  return {
    options,
    secondStore: second,
    findings: [dangersFinding(variables, opened)],
    addresses: createProxy({ ...options, on: { event: () => {} } }).resources.map(({ id }) => id),
    async close() {
      await store.close?.()
      await (second as Partial<Closable> | undefined)?.close?.()
    },
  }
}

const without = (finding: Finding): Deployment => ({
  options: undefined,
  secondStore: undefined,
  findings: [finding],
  addresses: [],
  close: async () => {},
})

const wrongSettings = (seen: string): Finding =>
  fail('settings', TITLE, {
    seen: show(seen, LONG),
    expected: 'settings that `lockgate serve` starts with',
    fix: 'Correct the named settings. The documentation lists every option and variable.',
  })

function isBelow(address: string, url: string): boolean {
  const base = parseUrl(url)?.href.replace(/\/+$/, '')
  return base !== undefined && `${address.replace(/\/$/, '')}/`.startsWith(`${base}/`)
}

/** The settings that `serve` refuses unless they are confirmed. */
function dangersFinding(variables: Variables, { options, storage }: ServeSettings): Finding {
  const [id, title] = ['settings.dangers', 'Nothing is open by mistake']
  const { url, upstream, allow } = options
  const dangers = findDangers(variables, { url, storage, upstream, allow })
  if (dangers.length === 0) return ok(id, title)
  return fail(id, title, {
    seen: show(dangers.join(' '), LONG),
    expected: 'settings that `lockgate serve` starts with',
    fix: 'Set what is named there, or confirm it.',
  })
}
