import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { locate } from '../runtimes/locate.ts'
import {
  type AssertionIssuer,
  ID_JAG,
  JWT_BEARER,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { redeemParams, refreshParams, register, signIn, type Tokens } from '../support/system.ts'
import { type Child, start } from './child.ts'
import { type Installation, install } from './installation.ts'
import { overHttp } from './peer.ts'

const deno = locate('deno')
if (!deno) console.warn('Two Deno processes on one Deno KV are not tested; missing: the binary of Deno')

let installation: Installation
let provider: TestProvider
let mcp: { url: string; close(): Promise<void> }
let issuer: AssertionIssuer
let ports: [number, number]
let children: Child[] = []

beforeAll(async () => {
  if (!deno) return
  ports = [await freePort(), await freePort()]
  const url = `http://localhost:${ports[0]}`
  ;[installation, provider, mcp, issuer] = await Promise.all([
    install({ tarball: process.env.LOCKGATE_PACKAGE, files: [new URL('./entries/', import.meta.url)] }),
    startProvider({ redirectUris: [`${url}/callback`] }),
    startMcpServer(),
    startAssertionIssuer(),
  ])
  const env = {
    TEST_URL: url,
    PROVIDER_ISSUER: provider.issuer,
    PROVIDER_CLIENT_ID: provider.clientId,
    PROVIDER_CLIENT_SECRET: provider.clientSecret,
    MCP_URL: mcp.url,
    STREAM_URL: mcp.url,
    ASSERTION_ISSUER: issuer.issuer,
    STORAGE: `deno-kv:${join(installation.folder, 'shared.kv')}`,
  }
  children = await Promise.all(
    ports.map((port) =>
      start([deno, 'run', '--allow-all', '--no-remote', '--unstable-kv', 'deno-serve.js'], {
        url: `http://localhost:${port}/health`,
        cwd: installation.folder,
        env: { ...env, PORT: String(port) },
      }),
    ),
  )
}, 120_000)
afterAll(async () => {
  await Promise.all(children.map((child) => child.stop()))
  await Promise.all([installation?.remove(), provider?.close(), mcp?.close(), issuer?.close()])
})

test.skipIf(!deno)('two Deno processes on one Deno KV are one server', async () => {
  const [one, two] = ports.map((port) => {
    const url = `http://localhost:${port}`
    return overHttp({ url } as never)
  }) as [ReturnType<typeof overHttp>, ReturnType<typeof overHttp>]
  const client = await register(two)
  const signedIn = await signIn(one, client)
  const tokens = (await (await two.post('/token', redeemParams(client, signedIn))).json()) as Tokens

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? one : two).post('/token', refreshParams(client, tokens.refresh_token)),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as Tokens[]
  expect(new Set(bodies.map((body) => body.refresh_token)).size).toBe(1)

  const [{ access_token: access, refresh_token: refresh }] = bodies as [Tokens]
  const guardedAt = async (system: typeof one) => {
    const headers = { authorization: `Bearer ${access}`, accept: 'text/event-stream' }
    const response = await fetch(system.mcp, { headers })
    await response.body?.cancel()
    return response.status
  }
  expect(await guardedAt(two)).not.toBe(401)
  expect((await one.post('/revoke', { client_id: client.id, token: refresh })).status).toBe(200)
  expect(await guardedAt(two), 'this suite reads the store at every request').toBe(401)
})

test.skipIf(!deno)('two Deno processes on one Deno KV give one token for one assertion', async () => {
  const now = Math.floor(Date.now() / 1000)
  const about = {
    iss: issuer.issuer,
    sub: 'ann',
    aud: `http://localhost:${ports[0]}`,
    client_id: 'enterprise',
  }
  const claims = { ...about, jti: crypto.randomUUID(), iat: now, exp: now + 300 }
  const body = new URLSearchParams({
    grant_type: JWT_BEARER,
    client_id: 'enterprise',
    client_secret: 'the secret of an enterprise client',
    assertion: await issuer.sign(claims, ID_JAG),
  })
  const statuses: number[] = []
  for (let round = 0; round < 8; round++) {
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        fetch(`http://localhost:${ports[index % 2]}/token`, { method: 'POST', body }),
      ),
    )
    statuses.push(...answers.map(({ status }) => status))
    await Promise.all(answers.map((answer) => answer.text()))
  }
  expect(statuses).toHaveLength(200)
  expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  expect(statuses.every((status) => [200, 400, 429].includes(status))).toBe(true)
})
