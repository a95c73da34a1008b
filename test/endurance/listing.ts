import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createProxy, type GrantSummary, type Store } from 'lockgate'
import { google } from 'lockgate/providers/google'
import { fs } from 'lockgate/storage/fs'
import { memory } from 'lockgate/storage/memory'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { newGrantKey, userKey } from '../../src/grants/grant-key.ts'
import { createGrants } from '../../src/grants/grants.ts'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { noRedis, startRedis } from '../support/redis.ts'

/** Fills each store with grants, one for each user, and prints how long it takes to list and to sweep them. */

const { values } = parseArgs({
  options: {
    grants: { type: 'string', default: '200000' },
    stores: { type: 'string', default: 'redis,postgres,fs' },
  },
})
const count = Number(values.grants)
const SECRET = 'a secret of the tests, long enough to be one'
const URL_ = 'https://listing.example'

interface Opened {
  readonly store: Store
  stop(): Promise<void>
}

const OPEN: Readonly<Record<string, () => Promise<Opened | undefined>>> = {
  async redis() {
    if (noRedis) return undefined
    const server = await startRedis()
    const store = redis({ url: server.url })
    return { store, stop: () => store.close().then(server.stop) }
  },
  async postgres() {
    if (noPostgres) return undefined
    const server = await startPostgres()
    const store = postgres({ url: server.url })
    return { store, stop: () => store.close().then(server.stop) }
  },
  async fs() {
    const base = await mkdtemp(join(tmpdir(), 'lockgate-listing-'))
    const store = fs({ base })
    return { store, stop: () => store.close().then(() => rm(base, { recursive: true })) }
  },
  memory: async () => ({ store: memory(), stop: async () => {} }),
}

const now = () => Math.floor(Date.now() / 1000)
const keyring = createKeyring([SECRET])

async function fill(store: Store): Promise<void> {
  const grants = createGrants({
    store,
    issuer: URL_,
    sealer: createSealer(keyring, URL_),
    now,
    revocationLag: 5,
    uptime: now,
    emit: () => {},
  })
  const one = async (index: number) => {
    const identity = {
      issuer: 'https://accounts.google.com',
      subject: String(index),
      email: `user${index}@example.com`,
      name: `User ${index}`,
      claims: { picture: 'https://example.com/picture.png' },
    }
    const key = newGrantKey(userKey(keyring, identity))
    await grants.issue({
      key,
      origin: {
        type: 'sign-in',
        provider: 'google',
        code: { hash: 'x'.repeat(43), challenge: 'y'.repeat(43) },
      },
      client: { key: 'app', name: 'An app', refreshes: true },
      resource: `${URL_}/mcp`,
      scope: ['read', 'write'],
      expiresAt: now() + 30 * 86_400,
      identity,
      tokens: { accessToken: 'a'.repeat(220), refreshToken: 'r'.repeat(110), expiresAt: now() + 3600 },
    } as Parameters<typeof grants.issue>[0])
  }
  const AT_ONCE = 100
  for (let start = 0; start < count; start += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, index) => one(start + index)),
    )
  }
}

async function timed(work: () => Promise<number>): Promise<string> {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  const found = await work()
  const { user, system } = process.cpuUsage(cpu)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  return `${seconds} s (${((user + system) / 1e6).toFixed(1)} s CPU, ${found} found)`
}

for (const name of values.stores.split(',')) {
  const opened = await OPEN[name]?.()
  if (!opened) {
    console.log(`${name}: left out`)
    continue
  }
  const { store, stop } = opened
  const part = store.forIssuer?.(URL_) ?? store
  const filled = await timed(async () => {
    await fill(part)
    return count
  })
  console.log(`${name}: filled in ${filled}`)
  const keys = await timed(async () => {
    let found = 0
    for await (const _ of part.keys('grant:')) found++
    return found
  })
  console.log(`${name}: keys in ${keys}`)
  const proxy = createProxy({
    url: URL_,
    secret: SECRET,
    storage: store,
    allow: ['@example.com'],
    upstream: google({ clientId: 'id', clientSecret: 'secret' }),
    mcp: 'http://localhost:3000/mcp',
  })
  const list = (isCounted: (grant: GrantSummary) => boolean, limit = Number.POSITIVE_INFINITY) =>
    timed(async () => {
      let found = 0
      for await (const grant of proxy.grants.all({ limit })) if (isCounted(grant)) found++
      return found
    })
  console.log(`${name}: grants.all in ${await list(() => true)}`)
  console.log(
    `${name}: the page that \`grants list\` shows in ${await list(({ account }) => account !== undefined, 1000)}`,
  )
  console.log(
    `${name}: grants.all, with every account decrypted, in ${await list(({ account }) => account !== undefined)}`,
  )
  const one = await timed(async () => {
    for (let index = 0; index < 200; index++) {
      await proxy.grants.list(
        userKey(keyring, { issuer: 'https://accounts.google.com', subject: String(index), claims: {} }),
      )
    }
    return 200
  })
  console.log(`${name}: 200 lists of one user in ${one}`)
  // A store that sweeps pays for it at each write.
  const writes = await timed(async () => {
    for (let index = 0; index < 40; index++) {
      await part.set(`grant:swept:${index}`, { index }, 600)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return 40
  })
  console.log(`${name}: 40 writes, two in a second, in ${writes}`)
  await stop()
}
