import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { diagnose } from 'lockgate/doctor'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readDeployment, type SettingsSource } from '../../adapters/cli/doctor/settings.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider } from '../support/provider.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { connect } from '../support/system.ts'
import { at, type Front, startFront, withHeaders, wrong } from './front.ts'

let [front, folder]: [Front | undefined, string] = [undefined, '']
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-doctor-'))
})
afterEach(async () => {
  await front?.close()
  front = undefined
  await rm(folder, { recursive: true, force: true })
})

/** What is wrong with a deployment that runs with other settings than it should. */
async function findings(settings: (front: Front) => SettingsSource) {
  front = await startFront()
  const problems = wrong(await front.doctor({ settings: settings(front) }))
  return problems.map(({ id, status, fix, seen }) => ({ found: `${status} ${id}`, fix, seen }))
}

test('a wrong client secret', async () => {
  const [problem, ...others] = await findings((it) =>
    it.settings({ LOCKGATE_UPSTREAM_CLIENT_SECRET: 'another' }),
  )
  expect(others).toEqual([])
  expect(problem).toMatchObject({
    found: 'fail upstream.credentials',
    fix: expect.stringContaining('secret'),
  })
  expect(problem!.seen).toContain('invalid_client')
})

test('a callback URL that the provider does not know', async () => {
  const provider = await startProvider({ redirectUris: ['https://old.example.com/callback'] })
  try {
    const { issuer: LOCKGATE_UPSTREAM_ISSUER } = provider
    const [problem, ...others] = await findings((it) => it.settings({ LOCKGATE_UPSTREAM_ISSUER }))
    expect(others).toEqual([])
    expect(problem).toMatchObject({
      found: 'fail upstream.callback',
      fix: `Register ${front!.url}/callback at the provider, character by character.`,
    })
  } finally {
    await provider.close()
  }
})

test('a provider that is not there, and one with another name', async () => {
  const [gone] = await findings((it) => it.settings({ LOCKGATE_UPSTREAM_ISSUER: 'http://localhost:9' }))
  expect(gone).toMatchObject({ found: 'fail upstream.discovery', fix: expect.stringContaining('reach') })
  const { issuer } = front!.provider
  const other = front!.settings({ LOCKGATE_UPSTREAM_ISSUER: issuer.replace('localhost', '127.0.0.1') })
  const [named] = wrong(await front!.doctor({ settings: other }))
  expect(named).toMatchObject({
    id: 'upstream.discovery',
    seen: expect.stringContaining(`issuer ${issuer}`),
    fix: expect.stringContaining('Set the issuer'),
  })
})

test('a secret that somebody made up', async () => {
  const [problem, ...others] = await findings((it) =>
    it.settings({ LOCKGATE_SECRET: 'change me change me change me change me' }),
  )
  expect(others).toEqual([])
  expect(problem).toMatchObject({ found: 'fail secret', fix: expect.stringContaining('lockgate secret') })
  expect(JSON.stringify(problem)).not.toContain('change me')
})

const STORE = (swap: string, consistency: string) => `
const data = new Map()
export default {
  storage: {
    consistency: '${consistency}',
    get: async (key) => data.get(key),
    set: async (key, value) => void data.set(key, { value, version: String(Math.random()) }),
    swap: async (key, version, value) => { ${swap} },
    delete: async (key) => void data.delete(key),
    async *keys() {},
  },
}`
const LOOKS_THEN_WRITES = `
  const before = data.get(key)
  await new Promise((resolve) => setTimeout(resolve, 5))
  if (before?.version !== version) return false
  data.set(key, { value, version: String(Math.random()) })
  return true`

test.each([
  [
    'a storage that looks and then writes',
    STORE(LOOKS_THEN_WRITES, 'atomic'),
    'fail storage.race',
    /compare-and-set/,
  ],
  [
    'a storage that forgets',
    STORE('return true', 'atomic').replace('data.get(key)', 'undefined'),
    'fail storage.round-trip',
    /keeps what/,
  ],
  [
    'a storage that does not answer',
    STORE('', 'atomic').replace('data.get(key)', "Promise.reject(new Error('down'))"),
    'fail storage.round-trip',
    /reach the storage/,
  ],
  [
    'a storage that is eventually consistent',
    STORE(LOOKS_THEN_WRITES, 'eventual'),
    'warn storage.race',
    /Redis/,
  ],
])('%s', async (_name, config, found, fix) => {
  await writeFile(join(folder, 'lockgate.config.mjs'), config)
  const [problem] = await findings((it) => ({ ...it.settings({ LOCKGATE_STORAGE: '' }), cwd: folder }))
  expect(problem).toMatchObject({ found, fix: expect.stringMatching(fix) })
})

test.skipIf(noRedis)('two connections to one Redis race as two processes would', async () => {
  const redis = await startRedis()
  try {
    front = await startFront()
    const settings = front.settings({ LOCKGATE_STORAGE: redis.url })
    const { findings: all } = await front.doctor({ settings })
    expect(all.find(({ id }) => id === 'storage.race')).toMatchObject({
      status: 'ok',
      seen: 'across processes',
    })
  } finally {
    await redis.stop()
  }
})

test.skipIf(noRedis)('a Redis that drops records when memory is short', async () => {
  const redis = await startRedis()
  const driver = new Redis(redis.url)
  const before = (await driver.config('GET', 'maxmemory-policy')) as [string, string]
  try {
    await driver.config('SET', 'maxmemory-policy', 'allkeys-lru')
    front = await startFront()
    const settings = front.settings({ LOCKGATE_STORAGE: redis.url })
    const { findings: all } = await front.doctor({ settings })
    expect(all.find(({ id }) => id === 'storage.configuration')).toMatchObject({
      status: 'warn',
      seen: expect.stringMatching(/maxmemory-policy allkeys-lru.*noeviction/),
    })
  } finally {
    await driver.config('SET', 'maxmemory-policy', before[1])
    driver.disconnect()
    await redis.stop()
  }
})

test('settings that serve would not start with', async () => {
  const [missing] = await findings((it) => it.settings({ LOCKGATE_MCP: '' }))
  expect(missing).toMatchObject({ found: 'fail settings', seen: expect.stringContaining('LOCKGATE_MCP') })
  const [short] = wrong(
    await front!.doctor({ settings: front!.settings({ LOCKGATE_REFRESH_GRACE: '86400000' }) }),
  )
  expect(short).toMatchObject({ id: 'settings', seen: expect.stringContaining('REFRESH_GRACE') })
})

test.each(['/tools', '/a/b'])(
  'a proxy in front that strips the prefix %s is named first, and the settings are compared by the whole URL',
  async (removed) => {
    front = await startFront((request, pass) => {
      const { origin, pathname, search } = new URL(request.url)
      const path = pathname.startsWith(`${removed}/`) ? pathname.slice(removed.length) : pathname
      return pass(new Request(origin + path + search, request as RequestInit))
    })
    const address = `${front.url}${removed}/mcp`
    const found = await readDeployment(front.settings(), address)
    const { findings } = await diagnose(address, {
      ...{ fetch: front.fetch, timeout: 5000, agent: 'lockgate-doctor/test' },
      ...{ deployment: found!.options, secondStore: found!.secondStore },
    })
    await found!.close()
    const faults = findings.filter(({ status }) => status === 'fail')
    expect(faults[0]).toMatchObject({
      id: 'url.prefix',
      seen: `the server calls itself ${front.mcp}`,
      expected: address,
      fix: expect.stringContaining(`Your proxy strips the prefix ${removed}.`),
    })
    expect(faults.find(({ id }) => id === 'settings.url')).toMatchObject({
      seen: `the settings publish ${front.mcp}`,
      expected: address,
      fix: expect.stringContaining(`set \`url\` (LOCKGATE_URL) to ${front.url}${removed}.`),
    })
  },
)

test('settings of another deployment are left alone, or named where somebody pointed to them', async () => {
  const url = 'https://other.example.com'
  front = await startFront()
  const settings = front.settings({ LOCKGATE_URL: url })
  const left = await front.doctor({ settings })
  expect(wrong(left)).toEqual([])
  expect(left.findings.at(-1)).toMatchObject({
    id: 'settings',
    status: 'skip',
    seen: expect.stringContaining(url),
  })
  await writeFile(join(folder, 'own.json'), JSON.stringify({ url, allow: ['@example.com'] }))
  const named = await front.doctor({ settings: { ...settings, cwd: folder, config: 'own.json' } })
  expect(wrong(named).map(({ id }) => id)).toEqual(
    expect.arrayContaining(['settings.url', 'upstream.callback']),
  )
  const callback = wrong(named).find(({ id }) => id === 'upstream.callback')
  expect(callback?.fix).toBe(`Register ${url}/callback at the provider, character by character.`)
})

test('looking leaves nothing behind', async () => {
  front = await startFront()
  const { env } = front.settings({ LOCKGATE_SECRET: '', LOCKGATE_STORAGE: `fs:${join(folder, 'data')}` })
  const { findings: all } = await front.doctor({ settings: { env, cwd: folder, config: undefined } })
  expect(all.filter(({ status }) => status === 'fail')).toEqual([])
  const left = await readdir(folder, { recursive: true, withFileTypes: true })
  expect(left.filter((entry) => entry.isFile())).toEqual([])
})

test('a proxy in front that holds streams back until they end', async () => {
  const mcp = await startMcpServer()
  try {
    front = await startFront(
      async (request, pass) => {
        const response = await pass(request)
        const streams = response.headers.get('content-type')?.startsWith('text/event-stream')
        return streams ? new Response(await response.text().catch(() => ''), response) : response
      },
      { mcp: mcp.url },
    )
    const { tokens } = await connect(front)
    const examination = await front.doctor({ token: tokens.access_token, timeout: 2000 })
    expect(wrong(examination)).toMatchObject([{ id: 'stream', fix: expect.stringContaining('buffering') }])
    const refused = await front.doctor({ token: 'another token' })
    expect(wrong(refused)).toMatchObject([{ id: 'token.accepted' }])
    expect(JSON.stringify(refused)).not.toContain('another token')
  } finally {
    await mcp.close()
  }
}, 40_000)

test('a session whose id no page may read', async () => {
  const mcp = await startMcpServer()
  try {
    front = await startFront(
      at('/mcp', (response) =>
        withHeaders(response, { 'access-control-expose-headers': 'WWW-Authenticate' }),
      ),
      { mcp: mcp.url },
    )
    const { tokens } = await connect(front)
    const examination = await front.doctor({ token: tokens.access_token })
    expect(wrong(examination)).toMatchObject([
      { id: 'cors.session', fix: expect.stringContaining('loses its session') },
    ])
  } finally {
    await mcp.close()
  }
}, 40_000)
