import { createProxy, type Listener, type OAuthProxy, type Store } from '../../../src/index.ts'
import type { Closable } from '../../storage/driver.ts'
import { SettingsError } from './environment.ts'
import { explain } from './messages.ts'
import { readSettings } from './settings.ts'

/**
 * Works on the storage that `serve` has, while that runs or not, and ends the process.
 *
 * @param work Returns the exit code. Its second argument returns the failures so far.
 */
export async function withProxy(
  flags: Readonly<Record<string, string>>,
  work: (proxy: OAuthProxy, failures: () => readonly string[]) => Promise<number>,
  { needsProvider = false } = {},
): Promise<never> {
  let code = 1
  try {
    const { options, storage } = await readSettings(process.env, process.cwd(), {
      flags,
      storageOnly: !needsProvider,
      withoutServer: true,
    })
    if (storage === 'memory:') {
      throw new SettingsError('LOCKGATE_STORAGE: only the process of serve sees what memory: holds')
    }
    const failures: string[] = []
    const collect: Listener = ({ type, error, reason }) => {
      if (type === 'failed') failures.push(error ?? reason ?? 'failed')
    }
    const on = { event: [collect, ...[options.on?.event ?? []].flat()] }
    const proxy = createProxy({ ...options, on })
    code = await work(proxy, () => failures)
    await (options.storage as Store & Partial<Closable>).close?.()
  } catch (error) {
    process.stderr.write(`${explain(error) ?? (error as Error).message}\n`)
  }
  // Connections kept for the provider would hold the process for a while.
  return process.exit(code)
}
