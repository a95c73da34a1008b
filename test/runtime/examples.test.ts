import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROWS } from '../providers/rows.ts'
import { locate } from '../runtimes/locate.ts'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { freePort } from '../support/free-port.ts'
import { type Imitation, startImitation } from '../support/imitation/imitation.ts'
import { CLIENT } from '../support/imitation/system.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Child, start } from './child.ts'
import { type Installation, install } from './installation.ts'
import { startWithKv, startWorkerd } from './workers.ts'

interface Example {
  readonly name: string
  readonly missing: string | undefined
  start(settings: Settings): Promise<Child>
  /** Also serves a page of its own. */
  readonly hello?: boolean
}

interface Settings {
  readonly folder: string
  readonly port: number
  readonly url: string
  readonly env: Record<string, string>
}

const WORKOS = 'api.workos.com'

const bun = locate('bun')
const deno = locate('deno')
const workerd = locate('workerd')
const absent = (name: string, binary: string | undefined) =>
  binary ? undefined : `${name}: npm ci --prefix test/runtimes --ignore-scripts`

const command = (words: (settings: Settings) => string[]) => (settings: Settings) =>
  start(words(settings), { url: `${settings.url}/health`, cwd: settings.folder, env: settings.env })
const tsx = (file: string) => command(() => [process.execPath, '--import', import.meta.resolve('tsx'), file])
const worker =
  (entry: string, binding: { kv: string } | { objects: string }) =>
  ({ url, env, ...place }: Settings) =>
    ('kv' in binding ? startWithKv : startWorkerd)({
      ...place,
      ...binding,
      env,
      entry,
      binary: workerd!,
      url: `${url}/health`,
      ...(entry === 'workers/worker.ts' && { imitated: { host: WORKOS, url: workos.address } }),
    })

const examples: readonly Example[] = [
  { name: 'node-url', missing: undefined, start: tsx('node-url/server.ts') },
  { name: 'node-express', missing: undefined, start: tsx('node-express/server.ts'), hello: true },
  { name: 'own-login', missing: undefined, start: tsx('own-login/server.ts') },
  { name: 'node-redis', missing: noRedis, start: tsx('node-redis/server.ts') },
  { name: 'bun', missing: absent('Bun', bun), start: command(() => [bun!, 'run', 'bun/server.ts']) },
  {
    name: 'bun-serve',
    missing: absent('Bun', bun),
    start: command(() => [bun!, 'run', 'bun-serve/server.ts']),
    hello: true,
  },
  {
    name: 'deno',
    missing: absent('Deno', deno),
    start: command(({ port }) =>
      `${deno} serve --no-remote --allow-net --allow-env --unstable-kv --host 127.0.0.1 --port ${port} deno/server.ts`.split(
        ' ',
      ),
    ),
  },
  {
    name: 'workers',
    missing: absent('workerd', workerd),
    start: worker('workers/worker.ts', { objects: 'LOCKGATE' }),
  },
  {
    name: 'workers-kv',
    missing: absent('workerd', workerd),
    start: worker('workers-kv/worker.ts', { kv: 'LOCKGATE' }),
  },
  {
    name: 'workers-handler',
    missing: absent('workerd', workerd),
    start: worker('workers-handler/worker.ts', { objects: 'LOCKGATE' }),
  },
]
for (const { name, missing } of examples) {
  if (missing) console.warn(`The example ${name} is not tested; missing: ${missing}`)
}

const ports = new Map<string, number>()
let installation: Installation
let provider: TestProvider
let workos: Imitation
let mcp: { url: string; close(): Promise<void> }
let redis: RedisServer | undefined

beforeAll(async () => {
  for (const { name } of examples) ports.set(name, await freePort())
  const redirectUris = [...ports.values()].map((port) => `http://localhost:${port}/callback`)
  const { profile } = ROWS.find(({ name }) => name === 'workos-user-management')!
  workos = await startImitation(profile, {
    ...CLIENT,
    redirectUri: `http://localhost:${ports.get('workers')}/callback`,
  })
  ;[installation, provider, mcp, redis] = await Promise.all([
    install({
      // A package that is packed already, instead of what is built here.
      tarball: process.env.LOCKGATE_PACKAGE,
      with: ['express@5', 'ioredis@5', '@modelcontextprotocol/sdk@1'],
      files: [new URL('../../examples/', import.meta.url)],
    }),
    startProvider({ redirectUris }),
    startMcpServer(),
    noRedis ? undefined : startRedis(),
  ])
}, 120_000)
afterAll(() =>
  Promise.all([installation?.remove(), provider?.close(), workos?.close(), mcp?.close(), redis?.stop()]),
)

const settingsOf = (name: string, port = ports.get(name)!): Settings => {
  const url = `http://localhost:${ports.get(name)}`
  const env = {
    PORT: String(port),
    LOCKGATE_URL: url,
    LOCKGATE_SECRET: 'a secret of the tests, long enough to be one',
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    WORKOS_CLIENT_ID: CLIENT.id,
    WORKOS_API_KEY: CLIENT.secret,
    MCP_URL: mcp.url,
    REDIS_URL: redis?.url ?? '',
    // Where Deno KV keeps its file by default.
    DENO_DIR: join(installation.folder, '.deno'),
  }
  return { folder: installation.folder, port, url: `http://localhost:${port}`, env }
}

/** Requests a page, at the imitation if it is one of the imitated host. */
async function reach(request: Request): Promise<Response> {
  if (new URL(request.url).host !== WORKOS) return fetch(request)
  const { method, headers } = request
  const body = method === 'GET' ? {} : { body: await request.text() }
  return workos.fetch(request.url, { method, headers, redirect: 'manual', ...body })
}

/** Signs in with the client of the MCP SDK. @returns What it keeps, and what it found. */
async function signIn(url: string): Promise<{ provider: SignedInClient; tools: string[] }> {
  const browser = new Browser({ fetch: reach })
  const keeper: SignedInClient = new SignedInClient(async (address) => {
    const stopAt = keeper.redirectUrl
    const consent = asPage(await browser.open(address.href))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }))
    if (login.document.querySelector('input[name=login]') && login.url.startsWith(`https://${WORKOS}/`))
      return asUrl(await browser.submit(login, { login: 'ada' }, { stopAt }))
    const own = { name: 'ada', password: 'lovelace' }
    if (login.document.querySelector('input[name=name]'))
      return asUrl(await browser.submit(login, own, { stopAt }))
    return asUrl(await signInAtProvider(browser, login, { stopAt }))
  })
  const { client } = await connectV1(`${url}/mcp`, keeper)
  const { tools } = await client.listTools()
  await client.close()
  return { provider: keeper, tools: tools.map((tool) => tool.name) }
}

for (const { name, missing, start, hello } of examples) {
  test.skipIf(missing)(`the example ${name} guards its server, and signs a client in`, async () => {
    const settings = settingsOf(name)
    const { url } = settings
    const child = await start(settings)
    try {
      const metadata = await fetch(`${url}/.well-known/oauth-authorization-server`)
      expect(await metadata.json()).toMatchObject({ issuer: url })
      const refused = await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })
      expect(refused.status).toBe(401)
      expect(refused.headers.get('www-authenticate')).toContain('resource_metadata=')
      if (hello) expect(await (await fetch(`${url}/hello`)).text()).toBe('hello')
      const { tools } = await signIn(url)
      expect(tools).toContain(name === 'workers-handler' ? 'whoami' : 'echo')
      if (name === 'workers') expect([workos.asked, workos.complaints]).toEqual([['exchange'], []])
    } finally {
      await child.stop()
    }
  })
}

test.skipIf(noRedis)('two processes of the example node-redis are one server', async () => {
  const { start } = examples.find(({ name }) => name === 'node-redis')!
  const [one, two] = [settingsOf('node-redis'), settingsOf('node-redis', await freePort())]
  const children = await Promise.all([start(one), start(two)])
  try {
    const { provider } = await signIn(one.url)
    const response = await fetch(`${two.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: provider.information!.client_id,
        refresh_token: provider.saved!.refresh_token!,
      }),
    })
    expect(response.status).toBe(200)
    const headers = { authorization: `Bearer ${provider.saved!.access_token}` }
    const guarded = await fetch(`${two.url}/mcp`, { headers })
    await guarded.body?.cancel()
    expect(guarded.status).not.toBe(401)
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
})
