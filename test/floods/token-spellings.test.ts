import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAssertionIssuer } from '../support/assertion-issuer.ts'
import { asPage, asUrl } from '../support/browser.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  redeemParams,
  register,
  type StartedSystem,
  startSystem,
  type Tokens,
} from '../support/system.ts'

let system: StartedSystem
beforeAll(async () => {
  setFlagsFromString('--expose-gc')
  system = await startSystem({
    url: 'https://groups.test',
    upstream: { login: '/login', name: 'Example' },
    limits: false,
  })
})
afterAll(() => system.close())

const MIB = 1024 * 1024

function heap(): number {
  const gc = runInNewContext('gc') as () => void
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

/** Signs in a user with 1,500 groups. */
async function manyGroups() {
  const client = await register(system)
  const browser = system.browser()
  const verifier = newVerifier()
  const page = asPage(
    await browser.open(authorizeUrl(system, client, { code_challenge: challengeOf(verifier) })),
  )
  const login = asUrl(await browser.submit(page, { decision: 'allow' }, { stopAt: `${system.url}/login` }))
  const cookie = await browser.jar.getCookieString(login.href)
  const groups = Array.from(
    { length: 1500 },
    (_, n) => `0f8fad5b-d9cb-469f-a165-${String(n).padStart(12, '0')}`,
  )
  const request = new Request(login, { headers: { cookie } })
  const done = await system.proxy.completeAuthorization({ request, user: { id: '7', claims: { groups } } })
  const code = new URL(done.headers.get('location')!).searchParams.get('code')!
  const response = await system.post('/token', redeemParams(client, { code, verifier }))
  return (await response.json()) as Tokens
}

const ask = async (authorization: string) => {
  const response = await system.call('/mcp', { method: 'POST', body: '{}', headers: { authorization } })
  await response.body?.cancel()
  return response.status
}

test('T53: ten thousand spellings of one token add less than 20 MiB', { timeout: 60_000 }, async () => {
  const tokens = await manyGroups()
  expect(await ask(`Bearer ${tokens.access_token}`)).toBe(200)
  const before = heap()
  for (let n = 1; n <= 10_000; n++) {
    const scheme = n % 2 ? 'Bearer' : 'bEaReR'
    expect(await ask(`${scheme} ${' '.repeat(n % 3000)}${tokens.access_token}`)).toBe(200)
  }
  const added = (heap() - before) / MIB
  console.log(`10,000 spellings of one token of a user with 1,500 groups add ${added.toFixed(1)} MiB`)
  expect(added).toBeLessThan(20)
})

test('T53: many tokens of a workload with large claims add less than 100 MiB', {
  timeout: 60_000,
}, async () => {
  const platform = await startAssertionIssuer('ES256')
  const rules = [{ name: 'deploy', match: { sub: 'job' }, scopes: ['read'] }]
  const own = system.another({
    scopes: { read: 'Read' },
    trustedIssuers: [{ issuer: platform.issuer, use: ['bearer'], rules }],
  })
  try {
    const iat = Math.floor(Date.now() / 1000)
    const about = { iss: platform.issuer, sub: 'job', aud: own.mcp, iat, exp: iat + 300 }
    const mint = (jti: number) => platform.sign({ ...about, jti: `${jti}`, list: Array(1900).fill({}) })
    const call = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await own.call('/mcp', { method: 'POST', body: '{}', headers })
      await response.body?.cancel()
      return response.status
    }
    expect(await call(await mint(0))).toBe(200)
    const before = heap()
    for (let n = 1; n <= 1500; n++) expect(await call(await mint(n))).toBe(200)
    const added = (heap() - before) / MIB
    console.log(`1,500 tokens of a workload with large claims add ${added.toFixed(1)} MiB`)
    expect(added).toBeLessThan(100)
  } finally {
    await platform.close()
  }
})
