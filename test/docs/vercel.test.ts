import { symlink } from 'node:fs/promises'
import { request as send } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noRedis } from '../support/redis.ts'
import { blockOf } from './blocks.ts'
import { followGuide, GUIDE, type LocalRuntime } from './functions.ts'

/** A part of `@vercel/node`, which `vercel dev` starts for each function. */
interface VercelNode {
  startDevServer(options: {
    entrypoint: string
    workPath: string
    config: object
    files: object
    meta: { env: Readonly<Record<string, string>> }
  }): Promise<{ port: number; pid: number }>
}

const packages = new URL('../vercel/node_modules/', import.meta.url).pathname

function vercelNode(): VercelNode | undefined {
  try {
    return createRequire(packages)('@vercel/node') as VercelNode
  } catch {
    return undefined
  }
}

const vercel = vercelNode()
const missing = noRedis ?? (vercel ? undefined : '@vercel/node; `node test/install.mjs vercel` installs it')
if (missing) console.warn(`The guide for Vercel is not run; missing: ${missing}`)

/** Starts the function, and does for it what Vercel's front does: rewrites paths, and names the host and the client. */
async function start(folder: string, env: Readonly<Record<string, string>>): Promise<LocalRuntime> {
  const { rewrites } = JSON.parse(blockOf(GUIDE, 'json')) as {
    rewrites: { source: string; destination: string }[]
  }
  await symlink(join(packages, '@vercel'), join(folder, 'node_modules/@vercel'))
  const [rewrite] = rewrites
  const entrypoint = `${rewrite!.destination.slice(1)}.ts`
  const server = await vercel!.startDevServer({
    entrypoint,
    workPath: folder,
    config: {},
    files: {},
    meta: { env },
  })
  return {
    listener(request, response) {
      const { method, url: path, headers, socket } = request
      if (!new RegExp(`^${rewrite!.source}$`).test(path!)) return response.writeHead(404).end()
      const fields = { ...headers, 'x-forwarded-host': headers.host, 'x-real-ip': socket.remoteAddress }
      const outgoing = send(
        { host: '127.0.0.1', port: server.port, method, path, headers: fields },
        (incoming) => {
          response.writeHead(incoming.statusCode!, incoming.headers)
          incoming.pipe(response)
        },
      )
      outgoing.on('error', () => response.destroy())
      response.on('close', () => outgoing.destroy())
      request.pipe(outgoing)
    },
    // Asked to shut down, it waits for streams that are open.
    close: async () => process.kill(server.pid, 'SIGKILL'),
  }
}

test.skipIf(missing)(
  "Vercel's local runtime runs the function of the guide: a client signs in and calls a tool",
  async () => {
    const said = await followGuide({
      containing: "from '@vercel/functions'",
      file: 'api/lockgate.ts',
      start,
    })
    expect(said).toContain('hello')
  },
  120_000,
)
