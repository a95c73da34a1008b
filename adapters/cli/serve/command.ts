import { ConfigError, createProxy, type OAuthProxy, type Store } from '../../../src/index.ts'
import { isLoopbackUrl, printable } from '../../../src/internal.ts'
import { fetch, type Served, serve, stopOnSignals } from '../../node.ts'
import { outbound } from '../../outbound/node.ts'
import type { Closable } from '../../storage/driver.ts'
import type { Command, Line } from '../configuration/command.ts'
import { SettingsError } from '../configuration/environment.ts'
import { explain } from '../configuration/messages.ts'
import { outliveLog } from '../configuration/output.ts'
import { readSettings, type ServeSettings } from '../configuration/settings.ts'
import type { StdioSessions } from '../wrap/stdio-sessions.ts'
import { createDocumentEgress, hostsToTry } from './document-egress.ts'
import { SERVE_NOTE, serveFlags, variablesOfLine } from './flags.ts'
import { formerSecret } from './former-secret.ts'
import { createLog, type LogFormat } from './log.ts'
import { startReport } from './report.ts'
import { checkSurroundings } from './start-checks.ts'
import { createStartLog } from './start-log.ts'

export const serveCommand: Command = {
  description: 'Run the proxy from flags, the environment, .env and lockgate.config.*',
  flags: serveFlags,
  note: SERVE_NOTE,
  async run(line) {
    await runServer(line)
    return undefined
  },
}

/** A local MCP server that is a program. */
interface Wrapped extends StdioSessions {
  /** The name of the program, without its arguments, which may hold a secret. */
  readonly command: string
  /** To be asked once the settings have been read. */
  warnings(): Promise<string[]>
}

/** @param wrap Starts the MCP server to protect, instead of the configured one. */
export async function runServer(line: Line, wrap?: () => Promise<Wrapped>): Promise<void> {
  let wrapped: Wrapped | undefined
  let store: (Store & Partial<Closable>) | undefined
  let server: Served | undefined
  let isStopping = false
  // Before all else: the first process of a container ignores signals that it does not listen to.
  stopOnSignals(
    {
      async close() {
        isStopping = true
        await server?.close()
      },
    },
    async () => {
      await wrapped?.close()
      await store?.close?.()
    },
  )
  try {
    wrapped = await wrap?.()
    const settings = await readSettings(process.env, process.cwd(), {
      flags: variablesOfLine(line),
      dangers: true,
      handler: wrapped?.handler,
    })
    const { listen, options } = settings
    store = options.storage
    const log = createLog(settings.log, process.stdout)
    const told = startLog(settings.log)
    outliveLog(told.warn)
    const egress = createDocumentEgress({ hosts: hostsToTry(options), outbound: outbound!, say: told.note })
    const on = { event: [log, egress.listener, ...[options.on?.event ?? []].flat()] }
    await holdStorage(store)
    const proxy = createProxy({ ...options, on })
    const changed = await changedUserIds(proxy, settings)
    if (isStopping) return
    // The start report says more.
    server = await serve(proxy, { ...listen, onListen: () => {} })
    told.ready(startReport(proxy, settings, server.url, wrapped?.command))
    for (const warning of (await wrapped?.warnings()) ?? []) told.warn(warning)
    if (changed) told.warn(changed)
    void checkSurroundings(proxy, options, fetch, told.warn)
    void egress.start(proxy)
  } catch (error) {
    // A store that is closed during the start is no problem of the settings.
    if (isStopping) return
    // The settings may be what is wrong, so only the setting itself is looked at.
    const format = variablesOfLine(line).LOCKGATE_LOG ?? process.env.LOCKGATE_LOG
    startLog(format === 'json' ? 'json' : 'text').failed(explain(error) ?? message(error))
    process.exit(1)
  }
}

const startLog = (format: LogFormat) => createStartLog(format, (text) => process.stderr.write(text))

/** Takes what only one process may have, and tries a write, so that no sign-in fails later. */
async function holdStorage(store: Store): Promise<void> {
  try {
    await store.hold?.()
    await store.check?.()
  } catch (error) {
    throw new SettingsError(`LOCKGATE_STORAGE: ${error instanceof Error ? error.message : 'cannot be used'}`)
  }
}

/**
 * Returns a warning if every user would get a new id.
 *
 * @throws {SettingsError} The same, if others than the developer may be users.
 */
async function changedUserIds(
  proxy: Pick<OAuthProxy, 'checkUserIds' | 'issuer'>,
  settings: ServeSettings,
): Promise<string | undefined> {
  try {
    await proxy.checkUserIds()
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problem = explain(error)!
    const text = `${problem}. ${await formerSecret(problem, settings, process.cwd())}`
    if (isLoopbackUrl(proxy.issuer)) return text
    throw new SettingsError(text)
  }
}

function message(error: unknown): string {
  const { code, syscall, path, port, address, hostname } = error as NodeJS.ErrnoException & {
    port?: number
    address?: string
    hostname?: string
  }
  if (code === 'EMFILE' || code === 'ENFILE')
    return `no more files can be opened (${code}); raise the limit, for example with ulimit -n 65536`
  if (path !== undefined && syscall !== 'listen') {
    return `LOCKGATE_STORAGE: ${path} cannot be used (${code}); choose a folder that this user may write to`
  }
  if (code === 'EADDRINUSE')
    return `PORT: another process listens on port ${port} already; stop it, or choose another port with --port`
  if (code === 'EACCES')
    return `PORT: this user may not listen on port ${port}; choose one above 1023 with --port`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST: this machine has no address ${printable(address ?? hostname ?? '')}; use 127.0.0.1, or 0.0.0.0 for all of its addresses`
  return error instanceof Error ? error.message : String(error)
}
