import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromUrl, storageForms } from 'lockgate/storage/from-url'
import { expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'

const refusal = (text: string): Promise<Error> =>
  fromUrl(text).then(
    () => Promise.reject(new Error('was opened')),
    (error: Error) => error,
  )

test('opens what needs no server', async () => {
  const base = await mkdtemp(join(tmpdir(), 'lockgate-url-'))
  for (const text of ['memory:', `fs:${base}`, 'unstorage:memory', `unstorage:fs-lite?base=${base}/other`]) {
    const store = await fromUrl(text)
    await store.set('grant:u:1', text, 60)
    expect((await store.get('grant:u:1'))?.value).toBe(text)
  }
  await rm(base, { recursive: true })
})

test('options in the query arrive as what they look like', async () => {
  const store = await fromUrl('unstorage:lru-cache?max=2')
  for (const key of ['a', 'b', 'c']) await store.set(key, 1, 60)
  expect(await store.get('a')).toBeUndefined()
  expect((await store.get('c'))?.value).toBe(1)
})

test.each(['', 'memory', 'mysql://localhost/x', 'constructor:', '__proto__:', ':', 'Redis://localhost'])(
  'says of %j what would be understood',
  async (text) => {
    expect((await refusal(text)).message).toBe(`expected ${storageForms}`)
  },
)

test.each(['unstorage:', 'unstorage:../../x', 'unstorage:utils/node-fs', 'unstorage:A'])(
  'loads nothing for %j',
  async (text) => {
    expect((await refusal(text)).message).toBe('expected unstorage:<driver>?option=value')
  },
)

test('names the driver that does not exist', async () => {
  expect((await refusal('unstorage:nonsense')).message).toMatch(/^unstorage: .*(driver|nonsense)/)
})

test.each(['redis', 'postgres'])(
  'says of a %s server out of reach what to check, and no password',
  async (scheme) => {
    const error = await refusal(`${scheme}://user:hunter2@127.0.0.1:${await freePort()}/0`)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/^cannot use the (Redis|PostgreSQL) server \(\w+\): check that it runs/)
    expect(error.message).not.toContain('hunter2')
  },
)

test.each(['redis', 'postgres'])(
  'says it of a %s server that never answers, too, and soon',
  async (scheme) => {
    const sockets = new Set<{ destroy(): void }>()
    const silent = createServer((socket) => void sockets.add(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const began = Date.now()
    expect((await refusal(`${scheme}://127.0.0.1:${port}/0`)).message).toMatch(/^cannot use the/)
    expect(Date.now() - began).toBeLessThan(6000)
    for (const socket of sockets) socket.destroy()
    silent.close()
  },
)

test.each([
  ['redis://127.0.0.1', 'ioredis@5'],
  ['postgres://127.0.0.1/x', 'db0 pg'],
  ['deno-kv:/tmp/never', '@deno/kv'],
  ['unstorage:mongodb', 'mongodb'],
])('says of %s what to install where it is missing', (url, packages) => {
  const hook = `export function resolve(name, context, next) {
    if (!/^(ioredis|pg|db0|@deno|mongodb)(\\/|$)/.test(name)) return next(name, context)
    throw Object.assign(new Error("Cannot find package '" + name + "' imported from a file"), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const script = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))
    const { fromUrl } = await import('./adapters/storage/from-url.ts')
    process.stdout.write(await fromUrl('${url}').then(() => 'opened', (error) => error.message))
  `
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stdout, stderr).toMatch(new RegExp(`: npm install ${packages}$`))
})

test('asks for an address where there is none', async () => {
  expect((await refusal('redis://us er:pass word@')).message).toMatch(/^expected redis:\/\//)
})

test('names the Node that SQLite needs', async ({ skip }) => {
  if (process.getBuiltinModule?.('node:sqlite')) return skip('this Node has SQLite')
  expect((await refusal('sqlite:/tmp/never.db')).message).toMatch(/^SQLite needs Node 22\.5 or later/)
})

test('loads only what is named', () => {
  const script = `
    import { createRequire } from 'node:module'
    const { fromUrl } = await import('./adapters/storage/from-url.ts')
    const { cache } = createRequire(process.cwd() + '/x.js')
    const loaded = () => [/ioredis/, /node_modules.pg/].map((name) => Object.keys(cache).some((file) => name.test(file)))
    await fromUrl('memory:')
    const before = loaded()
    for (const name of ['redis', 'postgres']) await fromUrl(name + '://127.0.0.1:1').catch(() => {})
    process.stdout.write(JSON.stringify([before, loaded()]))
    process.exit()
  `
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stdout, stderr).toBe('[[false,false],[true,true]]')
})
