/** The guide for functions, followed with the packed package, a real provider, Redis and a real client. */
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { dirname, join } from 'node:path'
import { install } from '../runtime/installation.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider } from '../support/provider.ts'
import { startRedis } from '../support/redis.ts'
import { adapt, blockOf } from './blocks.ts'
import { callTool } from './sign-in.ts'

export const GUIDE = 'docs/deploy/serverless.md'

/** The platform's local runtime. */
export interface LocalRuntime {
  /** The address of the front server, which is the public one. */
  readonly listener: RequestListener
  close(): Promise<unknown>
}

interface Followed {
  /** A text that only the function's block contains. */
  readonly containing: string
  /** The function's file, as the guide names it. */
  readonly file: string
  start(folder: string, env: Readonly<Record<string, string>>): Promise<LocalRuntime>
}

/** Writes the function of the guide, starts it, signs a client in and calls a tool. @returns What the tool returned. */
export async function followGuide({ containing, file, start }: Followed): Promise<string> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const [installation, provider, mcp, redis] = await Promise.all([
    install({ tarball: process.env.LOCKGATE_PACKAGE, with: ['ioredis@5'], files: [] }),
    startProvider({ redirectUris: [`${url}/callback`] }),
    startMcpServer(),
    startRedis(),
  ])
  const { issuer, clientId, clientSecret } = provider
  const code = adapt(blockOf(GUIDE, 'ts', containing), {
    "import { github } from 'lockgate/providers/github'": "import { oidc } from 'lockgate/providers/oidc'",
    'github({ clientId: process.env.GITHUB_ID!, clientSecret: process.env.GITHUB_SECRET! })': `oidc(${JSON.stringify(
      { issuer, clientId, clientSecret },
    )})`,
    "'https://mcp.example.com'": `'${url}'`,
    "'https://tools.internal.example.com/mcp'": `'${mcp.url}'`,
  })
  const path = join(installation.folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, code)
  let runtime: LocalRuntime | undefined
  const front = createServer((request, response) => runtime!.listener(request, response))
  try {
    runtime = await start(installation.folder, {
      LOCKGATE_SECRET: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
      REDIS_URL: redis.url,
    })
    await new Promise<void>((resolve) => front.listen(port, resolve))
    return await callTool(`${url}/mcp`)
  } finally {
    front.closeAllConnections()
    front.close()
    await runtime?.close()
    await Promise.all([provider.close(), mcp.close(), redis.stop(), installation.remove()])
  }
}
