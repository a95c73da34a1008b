import { afterEach, expect, test } from 'vitest'
import { asPage, asUrl } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  connect,
  guarded,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'

let system: System
afterEach(() => system.close())

const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work))

const tokenRequests = ({ provider }: System) =>
  provider.requests.filter((line) => line === 'POST /token').length

test('of 50 redemptions of one code at once, one succeeds', async () => {
  system = await startSystem()
  const client = await register(system)
  const signedIn = await signIn(system, client)
  const answers = await times(50, () => system.post('/token', redeemParams(client, signedIn)))
  const good = answers.filter(({ status }) => status === 200)
  expect(good).toHaveLength(1)
  for (const answer of answers.filter((one) => !good.includes(one))) {
    expect(await outcome(answer)).toEqual([400, 'invalid_grant'])
  }
  const tokens = (await good[0]!.json()) as Tokens
  expect((await guarded(system, tokens.access_token)).status, 'asking twice at once is no theft').toBe(200)

  const again = await system.post('/token', redeemParams(client, signedIn))
  expect(await outcome(again)).toEqual([400, 'invalid_grant'])
  expect((await guarded(system, tokens.access_token)).status, 'nor is asking again in the same moment').toBe(
    200,
  )
  system.clock.ahead += 2
  const replay = await system.post('/token', redeemParams(client, signedIn))
  expect(await outcome(replay)).toEqual([400, 'invalid_grant'])
  expect((await guarded(system, tokens.access_token)).status, 'a replay ends what the code gave').toBe(401)
  expect(await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
    400,
    'invalid_grant',
  ])
})

test('a replay with a wrong verifier or by another client ends nothing', async () => {
  system = await startSystem()
  const { client, tokens, signedIn } = await connect(system)
  const wrong = { ...redeemParams(client, signedIn), code_verifier: 'w'.repeat(43) }
  expect(await outcome(await system.post('/token', wrong))).toEqual([400, 'invalid_grant'])
  const other = await register(system)
  const foreign = { ...redeemParams(client, signedIn), client_id: other.id }
  expect(await outcome(await system.post('/token', foreign))).toEqual([400, 'invalid_grant'])
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
})

test('50 refreshes with one token at once all get one and the same successor', async () => {
  system = await startSystem()
  const { client, tokens } = await connect(system)
  const before = tokenRequests(system)
  const answers = await times(50, () => system.post('/token', refreshParams(client, tokens.refresh_token)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as Tokens[]
  const successors = new Set(bodies.map((body) => body.refresh_token))
  expect(successors.size).toBe(1)
  expect([...successors]).not.toContain(tokens.refresh_token)
  expect(tokenRequests(system) - before, 'the provider’s token was still good').toBe(0)
})

test('50 refreshes at once refresh a stale provider token once', async () => {
  system = await startSystem({ providerTtl: 120 })
  const { client, tokens } = await connect(system)
  system.clock.ahead += 90
  const before = tokenRequests(system)
  const answers = await times(50, () => system.post('/token', refreshParams(client, tokens.refresh_token)))
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as Tokens[]
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
  expect(new Set(bodies.map((body) => body.refresh_token)).size).toBe(1)
  expect(tokenRequests(system) - before).toBe(1)
  expect(system.events.filter(({ type }) => type === 'upstream-refreshed')).toHaveLength(1)
})

test('the predecessor works again while its successor is unused and the grace lasts', async () => {
  system = await startSystem()
  const { client, tokens } = await connect(system)
  const refresh = async (token: string) => system.post('/token', refreshParams(client, token))
  const first = (await (await refresh(tokens.refresh_token)).json()) as Tokens
  system.clock.ahead += 60
  const again = (await (await refresh(tokens.refresh_token)).json()) as Tokens
  expect(again.refresh_token).toBe(first.refresh_token)
  expect(again.access_token).not.toBe(first.access_token)
})

test.each([
  ['the predecessor after its successor was used', 0, true],
  ['the predecessor after the grace', 61, false],
])('%s ends the grant', async (_name, seconds, useSuccessor) => {
  system = await startSystem()
  const { client, tokens } = await connect(system)
  const refresh = async (token: string) => system.post('/token', refreshParams(client, token))
  let latest = (await (await refresh(tokens.refresh_token)).json()) as Tokens
  if (useSuccessor) latest = (await (await refresh(latest.refresh_token)).json()) as Tokens
  system.clock.ahead += seconds
  expect(await outcome(await refresh(tokens.refresh_token))).toEqual([400, 'invalid_grant'])
  expect(await outcome(await refresh(latest.refresh_token))).toEqual([400, 'invalid_grant'])
  expect((await guarded(system, latest.access_token)).status).toBe(401)
  expect(system.events).toContainEqual(
    expect.objectContaining({ type: 'grant-ended', reason: 'refresh-token-reused' }),
  )
})

test('without grace the predecessor is refused at once, and ends the grant', async () => {
  system = await startSystem({ refreshGrace: 0 })
  const { client, tokens } = await connect(system)
  const refresh = async (token: string) => system.post('/token', refreshParams(client, token))
  const latest = (await (await refresh(tokens.refresh_token)).json()) as Tokens
  expect(await outcome(await refresh(tokens.refresh_token))).toEqual([400, 'invalid_grant'])
  expect(await outcome(await refresh(latest.refresh_token))).toEqual([400, 'invalid_grant'])
})

test('two tabs of one browser both sign in, in whatever order they are finished', async () => {
  system = await startSystem()
  const client = await register(system)
  const browser = system.browser()
  const verifiers = [newVerifier(), newVerifier()]
  const pages = []
  for (const [index, verifier] of verifiers.entries()) {
    const params = { code_challenge: challengeOf(verifier), state: `tab ${index}` }
    pages.push(asPage(await browser.open(authorizeUrl(system, client, params))))
  }
  for (const index of [1, 0]) {
    const options = { stopAt: client.redirectUri }
    const next = await browser.submit(pages[index]!, { decision: 'allow' }, options)
    const answer = asUrl(typeof next === 'string' ? next : await signInAtProvider(browser, next, options))
    expect(answer.searchParams.get('state')).toBe(`tab ${index}`)
    const redemption = { code: answer.searchParams.get('code')!, verifier: verifiers[index]! }
    expect((await system.post('/token', redeemParams(client, redemption))).status).toBe(200)
  }
})
