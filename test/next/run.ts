/**
 * Follows the guide for Next.js with Next.js itself: `npm run build && npm run test:next`. It installs Next.js, as the
 * lockfile beside this file pins it, and the packed package into an empty folder. It takes the code of the guide, builds
 * and starts it, signs in by the client of the MCP SDK and calls a tool. It needs PostgreSQL and about a minute.
 */
import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { adapt, blockOf } from '../docs/blocks.ts'
import { callTool } from '../docs/sign-in.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { startProvider } from '../support/provider.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const GUIDE = 'docs/deploy/inside-another-app.md'
const PLACES = ['app/tools/[[...path]]', 'app/.well-known/[...path]']
/** It includes the installation. Without a limit, a server that hangs would hold up every later suite. */
const LIMIT_MS = 300_000

if (noPostgres) throw new Error(noPostgres)
const folder = await mkdtemp(join(tmpdir(), 'lockgate-next-'))
const began = Date.now()
setTimeout(() => {
  console.error(`The guide for Next.js was not done within ${LIMIT_MS / 1000} seconds.`)
  process.exit(1)
}, LIMIT_MS).unref()
const tell = (text: string) =>
  console.log(`${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s  ${text}`)

const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
  cwd: root,
})
const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
for (const file of ['package.json', 'package-lock.json']) {
  await cp(new URL(file, import.meta.url), join(folder, file))
}
const quiet = ['--no-audit', '--no-fund', '--ignore-scripts']
await run('npm', ['ci', ...quiet], { cwd: folder })
await run('npm', ['install', ...quiet, '--no-save', `./${filename}`], { cwd: folder })
tell('installed Next.js and the packed package')

const port = await freePort()
const url = `http://localhost:${port}/tools`
const [postgres, provider, mcp] = await Promise.all([
  startPostgres(),
  startProvider({ redirectUris: [`${url}/callback`] }),
  startMcpServer(),
])
const code = adapt(blockOf(GUIDE, 'ts', 'force-dynamic'), {
  "import { github } from 'lockgate/providers/github'": "import { oidc } from 'lockgate/providers/oidc'",
  'github({ clientId: process.env.GITHUB_ID!, clientSecret: process.env.GITHUB_SECRET! })': `oidc(${JSON.stringify(
    {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
    },
  )})`,
  "'https://example.com/tools'": `'${url}'`,
  "'http://localhost:3000/mcp'": `'${mcp.url}'`,
})
for (const place of PLACES) {
  await mkdir(join(folder, place), { recursive: true })
  await writeFile(join(folder, place, 'route.ts'), code)
}
await writeFile(join(folder, 'next.config.js'), blockOf(GUIDE, 'js', 'skipTrailingSlashRedirect'))

const env = {
  ...process.env,
  LOCKGATE_SECRET: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
  DATABASE_URL: postgres.url,
  NEXT_TELEMETRY_DISABLED: '1',
}
const next = join(folder, 'node_modules/next/dist/bin/next')
let failed = true
let server: ReturnType<typeof spawn> | undefined
try {
  await run(process.execPath, [next, 'build'], { cwd: folder, env })
  tell('built')
  server = spawn(process.execPath, [next, 'start', '-p', String(port)], {
    cwd: folder,
    env,
    stdio: 'inherit',
  })
  for (let tries = 0; tries < 120; tries++) {
    const answered = await fetch(`${url}/health`).catch(() => undefined)
    if (answered?.status === 200) break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  tell('started')
  const said = await callTool(`${url}/mcp`)
  if (!said.includes('hello')) throw new Error(`the tool returned ${said}`)
  tell(`signed in and called a tool: ${said}`)
  failed = false
} finally {
  server?.kill()
  await Promise.all([postgres.stop(), provider.close(), mcp.close()])
  await rm(folder, { recursive: true, force: true })
}
if (!failed) console.log('1 passed, 0 failed')
process.exit(failed ? 1 : 0)
