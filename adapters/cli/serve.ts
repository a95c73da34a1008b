import { defineCommand } from 'citty'
import { createProxy, type Store } from '../../src/index.ts'
import { fetch, type NodeServer, serve } from '../node.ts'
import type { Closable } from '../storage/driver.ts'
import { createLog } from './log.ts'
import { explain, readSettings } from './settings.ts'

/** Milliseconds that answers under way are given when the server is asked to stop. */
const PATIENCE = 5000

export const serveCommand = defineCommand({
  meta: { name: 'serve', description: 'Run the proxy from lockgate.config.* or from the environment' },
  args: {
    config: { type: 'string', description: 'Config file, instead of lockgate.config.ts|js|json' },
    log: { type: 'enum', options: ['text', 'json'], default: 'text', description: 'How events are written' },
  },
  async run({ args }) {
    try {
      const settings = await readSettings(process.env, process.cwd(), args.config)
      const log = createLog(args.log === 'json' ? 'json' : 'text', process.stdout)
      const own = settings.options.on?.event
      const proxy = createProxy({
        fetch,
        ...settings.options,
        on: {
          event: (event) => {
            log(event)
            own?.(event)
          },
        },
      })
      const { port, hostname } = settings
      const server = await serve(proxy, { port, hostname })
      const { options, storage } = settings
      const mcp = typeof options.mcp === 'string' ? options.mcp : 'as configured'
      process.stderr.write(
        `Lockgate is ready.
  public URL   ${proxy.issuer}
  listening    ${server.url}
  provider     ${options.upstream.name} (callback URL to register there: ${proxy.issuer}/callback)
  protects     ${mcp}
  storage      ${storage}
  sign-in      ${options.allow ? 'restricted by allow' : 'everyone the provider lets in'}
`,
      )
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.once(signal, () => void stop(server, options.storage))
      }
    } catch (error) {
      process.stderr.write(`${explain(error) ?? message(error)}\n`)
      process.exit(1)
    }
  },
})

async function stop(server: NodeServer, storage: Store & Partial<Closable>): Promise<void> {
  const force = setTimeout(() => void server.close(true), PATIENCE)
  force.unref()
  await server.close()
  await storage.close?.()
  process.exit(0)
}

function message(error: unknown): string {
  const code = (error as { code?: unknown }).code
  if (code === 'EADDRINUSE') return 'PORT: something else listens there already'
  if (code === 'EACCES') return 'PORT: this user may not listen there'
  return error instanceof Error ? error.message : String(error)
}
