import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nodeWithSqlite } from '../contract/runtimes.ts'
import { runCommand } from '../support/command.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Served, startServed } from '../support/served.ts'
import { connect, register } from '../support/system.ts'

let redis: RedisServer | undefined
let behind: Server
let mcp: string
let folder: string
let served: Served | undefined

beforeAll(async () => {
  redis = noRedis ? undefined : await startRedis()
  behind = createServer((_request, response) => response.end('{}'))
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  mcp = `http://127.0.0.1:${(behind.address() as { port: number }).port}/mcp`
})
afterAll(async () => {
  behind.close()
  await redis?.stop()
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-grants-'))
})
afterEach(async () => {
  served?.run.child.kill('SIGKILL')
  await served?.run.code
  await served?.provider.close()
  served = undefined
  await rm(folder, { recursive: true, force: true })
})

interface Listed {
  user: string
  id: string
  clientName: string
  resource: string
  scope: string[]
  usedAt: number
  expiresAt: number
  account?: { email?: string; name?: string }
}

const STORES = [
  { name: 'fs', missing: undefined, url: () => 'fs:data', runtime: undefined },
  {
    name: 'sqlite',
    missing: nodeWithSqlite ? undefined : 'a Node with SQLite',
    url: () => 'sqlite:a.db',
    runtime: nodeWithSqlite,
  },
  { name: 'redis', missing: noRedis, url: () => redis!.url, runtime: undefined },
]
for (const { name, missing } of STORES) {
  if (missing) console.warn(`grants on ${name} is not tested; missing: ${missing}`)
}

describe.each(STORES)('on $name, beside a serve that runs', ({ missing, url, runtime }) => {
  test.skipIf(missing)(
    'grants are listed and ended, here and at the provider',
    { timeout: 60_000 },
    async () => {
      const env = { LOCKGATE_STORAGE: url(), LOCKGATE_REVOCATION_LAG: '1' }
      served = await startServed(folder, { mcp, env, runtime })
      const { system, provider } = served
      const lockgate = (...args: string[]) => runCommand(folder, ['grants', ...args], served!.env, runtime)
      const list = async (...args: string[]) => {
        const { out, err } = await lockgate('list', '--json', ...args)
        expect(err.replace(/^.*ExperimentalWarning.*\n.*\n/, '')).toBe('')
        return JSON.parse(out) as Listed[]
      }
      const reach = async (token: string) => {
        const response = await fetch(system.mcp, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        })
        await response.body?.cancel()
        return response.status
      }
      expect(await list()).toEqual([])
      const name = 'Two\nlines \u001b[2J'
      const ada = await connect(system, { client: await register(system, { client_name: name }) })
      const other = await connect(system)
      const bob = await connect(system, { login: 'bob' })

      const all = await list()
      expect(all.map(({ account }) => account?.email).sort()).toEqual([
        'ada@example.com',
        'ada@example.com',
        'bob@example.com',
      ])
      expect(all[0]).toMatchObject({
        resource: system.mcp,
        scope: ['mcp'],
        account: { name: expect.any(String) },
      })
      const few = await lockgate('list', '--json', '--limit', '2')
      expect(JSON.parse(few.out)).toHaveLength(2)
      expect(few.err).toContain('There are more than 2')
      const hers = await list('--user', 'Ada@example.com')
      expect(hers).toHaveLength(2)
      expect(await list(`--user=${hers[0]!.user}`)).toHaveLength(2)

      const { out: table } = await lockgate('list')
      expect(table.trim().split('\n')).toHaveLength(4)
      expect(table).not.toContain('\u001b')
      for (const { user, id } of all) expect(table).toContain(`${user}.${id}`)

      const named = hers.find(({ clientName }) => clientName !== 'Test client')!
      provider.requests.length = 0
      const one = await lockgate('revoke', `--grant=${named.user}.${named.id}`)
      expect(one).toMatchObject({ code: 0, out: `Ended ${named.user}.${named.id}\n` })
      expect(provider.requests).toContain('POST /token/revocation')
      await new Promise((resolve) => setTimeout(resolve, 1200))
      expect(await reach(ada.tokens.access_token)).toBe(401)
      expect(await reach(other.tokens.access_token)).toBe(200)
      expect((await lockgate('revoke', `--grant=${named.user}.${named.id}`)).code).toBe(1)

      const rest = await lockgate('revoke', '--user', 'ada@example.com')
      expect(rest.out.trim().split('\n')).toHaveLength(1)
      await new Promise((resolve) => setTimeout(resolve, 1200))
      expect(await reach(other.tokens.access_token)).toBe(401)
      expect(await reach(bob.tokens.access_token)).toBe(200)
      const [last, ...more] = await list()
      expect(more).toEqual([])
      const elsewhere = await runCommand(
        folder,
        ['grants', 'list'],
        {
          ...served.env,
          LOCKGATE_SECRET: 'another secret that opens none of these records',
        },
        runtime,
      )
      expect(elsewhere.out).toContain('(sealed)')
      expect(elsewhere.out).not.toContain('bob@example.com')
      for (const { out, err } of [await lockgate('list'), one, rest]) {
        for (const { tokens } of [ada, other, bob]) {
          expect(out + err).not.toContain(tokens.access_token)
          expect(out + err).not.toContain(tokens.refresh_token)
        }
      }

      await provider.close()
      const alone = await lockgate('revoke', `--grant=${last!.user}.${last!.id}`)
      expect(alone).toMatchObject({ code: 1, out: `Ended ${last!.user}.${last!.id}\n` })
      expect(alone.err).toContain('The provider did not end its tokens')
      expect(await list()).toEqual([])
    },
  )
})

test('grants whose users `allow` does not admit now are listed, and ended if asked', {
  timeout: 60_000,
}, async () => {
  served = await startServed(folder, {
    mcp,
    env: { LOCKGATE_STORAGE: 'fs:data', LOCKGATE_REVOCATION_LAG: '1' },
  })
  const { system } = served
  const judge = async (...args: string[]) => {
    const env = { ...served!.env, LOCKGATE_ALLOW: 'bob@example.com' }
    const { code, out } = await runCommand(folder, ['grants', 'judge', '--json', ...args], env)
    expect(code).toBe(0)
    return JSON.parse(out) as (Listed & { reason: string; ended: boolean })[]
  }
  const reach = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(system.mcp, { method: 'POST', headers })
    await response.body?.cancel()
    return response.status
  }
  const [ada, bob] = [await connect(system), await connect(system, { login: 'bob' })]
  expect(await judge()).toEqual([
    expect.objectContaining({
      reason: 'not-in-allow',
      ended: false,
      account: expect.objectContaining({ email: 'ada@example.com' }),
    }),
  ])
  expect(await reach(ada.tokens.access_token), 'a list changes nothing').toBe(200)
  expect(await judge('--end')).toEqual([expect.objectContaining({ ended: true })])
  await expect.poll(() => reach(ada.tokens.access_token), { timeout: 5000 }).toBe(401)
  expect(await reach(bob.tokens.access_token)).toBe(200)
  expect(await judge()).toEqual([])
})

describe('what grants cannot do it says', () => {
  const env = {
    LOCKGATE_UPSTREAM: 'oidc',
    LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
    LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
    LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
  }
  test.each<[string[], Record<string, string>, number, string]>([
    [['list'], { LOCKGATE_STORAGE: 'memory:' }, 1, 'LOCKGATE_STORAGE: only the process of serve'],
    [['list', '--limit', 'all'], {}, 1, '--limit: expected a number'],
    [['list', '--user', 'ada'], {}, 1, '--user: expected the id of a user'],
    [['revoke'], {}, 1, '--grant or --user: expected one of the two'],
    [['revoke', '--grant', 'x'], {}, 1, '--grant: expected a grant'],
    [['revoke', `--grant=${'u'.repeat(22)}.${'i'.repeat(22)}`], {}, 1, 'There is no such grant'],
    [['revoke', 'x'], {}, 2, 'x is one word too many'],
    [[], {}, 2, 'A command is missing'],
    [['lst'], {}, 2, 'There is no command lst: did you mean list?'],
  ])('%j', async (args, more, code, text) => {
    const run = await runCommand(folder, ['grants', ...args], { ...env, ...more })
    expect(run.code).toBe(code)
    expect(run.err).toContain(text)
  })
})
