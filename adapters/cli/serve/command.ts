import { createProxy, type Store } from '../../../src/index.ts'
import { fetch, serve } from '../../node.ts'
import type { Closable } from '../../storage/driver.ts'
import type { Command, Flags, Line } from '../configuration/command.ts'
import { loadDotEnv } from '../configuration/environment.ts'
import { explain, readSettings } from '../configuration/settings.ts'
import { DANGEROUS, dangerVariable } from '../configuration/unsafe-settings.ts'
import type { StdioSessions } from '../wrap/stdio-sessions.ts'
import { createLog } from './log.ts'
import { startReport } from './report.ts'
import { stopOnSignals } from './shutdown.ts'

/** The flags of every command that serves. */
export const SERVE_FLAGS: Flags = {
  config: {
    type: 'string',
    hint: 'file',
    description: 'Config file, instead of lockgate.config.ts|js|mjs|json',
  },
  log: { type: 'string', values: ['text', 'json'], default: 'text', description: 'The format of events' },
  ...Object.fromEntries(
    Object.entries(DANGEROUS).map(([name, description]) => [name, { type: 'boolean', description } as const]),
  ),
}

export const serveCommand: Command = {
  description: 'Run the proxy from lockgate.config.*, .env and the environment',
  flags: SERVE_FLAGS,
  async run(line) {
    await runServer(line)
    return undefined
  },
}

/** @param wrap What to protect, instead of what is configured. */
export async function runServer(line: Line, wrap?: () => Promise<StdioSessions>): Promise<void> {
  try {
    const cwd = process.cwd()
    await loadDotEnv(process.env, cwd)
    for (const flag of Object.keys(DANGEROUS)) if (line.on(flag)) process.env[dangerVariable(flag)] = 'true'
    const wrapped = await wrap?.()
    const settings = await readSettings(process.env, cwd, {
      config: line.text('config'),
      dangers: true,
      handler: wrapped?.handler,
    })
    const { port, hostname, tls, options } = settings
    const log = createLog(line.text('log') === 'json' ? 'json' : 'text', process.stdout)
    const on = { event: [log, ...[options.on?.event ?? []].flat()] }
    const proxy = createProxy({ fetch, ...options, on })
    const server = await serve(proxy, { port, hostname, tls })
    process.stderr.write(startReport(proxy, settings, server.url))
    stopOnSignals(server, async () => {
      await wrapped?.close()
      await (options.storage as Store & Partial<Closable>).close?.()
    })
  } catch (error) {
    process.stderr.write(`${explain(error) ?? message(error)}\n`)
    process.exit(1)
  }
}

function message(error: unknown): string {
  const code = (error as { code?: unknown }).code
  if (code === 'EADDRINUSE') return 'PORT: something else listens there already'
  if (code === 'EACCES') return 'PORT: this user may not listen there'
  return error instanceof Error ? error.message : String(error)
}
