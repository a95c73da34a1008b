import { afterEach, describe, expect, test, vi } from 'vitest'
import { ROWS, type Row } from '../providers/rows.ts'
import { asPage, asUrl, type Browser } from '../support/browser.ts'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  startImitated,
} from '../support/imitation/system.ts'
import {
  authorizeUrl,
  challengeOf,
  guarded,
  newVerifier,
  outcome,
  refreshParams,
  register,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

async function start(name = 'keycloak', own: Parameters<typeof startImitated>[2] = {}) {
  const { provider, profile } = ROWS.find((one) => one.name === name) as Row
  const system = await startImitated(provider, profile, own)
  systems.push(system)
  return system
}

/** A sign-in up to the address on which the provider sends the browser back, which nobody has opened yet. */
async function untilCallback(system: ImitatedSystem, client: TestClient) {
  const browser = system.browser()
  const url = authorizeUrl(system, client, { code_challenge: challengeOf(newVerifier()), state: 'mine' })
  const consent = asPage(await browser.open(url))
  const form = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt: client.redirectUri }))
  const callback = asUrl(await browser.submit(form, { login: 'ada' }, { stopAt: `${system.url}/callback` }))
  const sent = system.imitation.seen.find(({ url }) => url === system.imitation.profile.authorize)!.query
  return { browser, callback, sent }
}

const open = async (browser: Browser, url: URL, client: TestClient) =>
  asUrl(await browser.open(url.href, { stopAt: client.redirectUri })).searchParams

const exchanges = ({ imitation }: ImitatedSystem) =>
  imitation.asked.filter((one) => one === 'exchange').length

describe('UPS-01: the state', () => {
  test('is another one each time, of 128 bits at least, and works once', async () => {
    const system = await start()
    const client = await register(system)
    const one = await untilCallback(system, client)
    system.imitation.seen.length = 0
    const two = await untilCallback(system, client)
    const [first, second] = [one.sent.get('state')!, two.sent.get('state')!]
    expect(first).not.toBe(second)
    for (const state of [first, second]) expect(state).toMatch(/^[\w-]{22,}$/)
    expect((await open(one.browser, one.callback, client)).get('code')).toBeTruthy()
    expect((await one.browser.request(one.callback.href)).status).toBe(403)
    expect(exchanges(system)).toBe(1)
  })

  test('is over after ten minutes', async () => {
    const system = await start()
    const { browser, callback } = await untilCallback(system, await register(system))
    system.clock.ahead += 601
    expect((await browser.request(callback.href)).status).toBe(400)
    expect(exchanges(system)).toBe(0)
  })
})

test('UPS-02: what binds a sign-in is set by the answer that leads to the provider, not before', async () => {
  const system = await start()
  const browser = system.browser()
  const page = asPage(await browser.open(authorizeUrl(system, await register(system))))
  expect(page.headers.get('set-cookie')).not.toContain('sign-in-')
  const fields = new URLSearchParams({
    request: page.document.querySelector('input[name=request]')!.getAttribute('value')!,
    decision: 'allow',
  })
  const answer = await browser.request(`${system.url}/consent`, { method: 'POST', body: fields })
  const state = new URL(answer.headers.get('location')!).searchParams.get('state')
  expect(answer.headers.get('set-cookie')).toContain(`__Host-lockgate-sign-in-${state}=`)
})

describe('UPS-03: an answer of the provider', () => {
  test.each<[string, (callback: URL) => void, boolean]>([
    ['in another browser', () => {}, false],
    ['with another state', (callback) => callback.searchParams.set('state', 'A'.repeat(22)), true],
    ['without a state', (callback) => callback.searchParams.delete('state'), true],
  ])('%s is refused, and its code is sent nowhere', async (_name, change, same) => {
    const system = await start()
    const { browser, callback } = await untilCallback(system, await register(system))
    change(callback)
    const response = await (same ? browser : system.browser()).request(callback.href)
    expect([response.status, response.headers.get('location')]).toEqual([403, null])
    expect(exchanges(system)).toBe(0)
  })
})

test('UPS-04: challenge and nonce are there and fresh each time, though the proxy has a secret', async () => {
  const system = await start()
  const client = await register(system)
  const { sent } = await untilCallback(system, client)
  system.imitation.seen.length = 0
  const { sent: next } = await untilCallback(system, client)
  for (const name of ['code_challenge', 'nonce', 'state']) {
    expect(sent.get(name), name).toMatch(/^[\w-]{22,}$/)
    expect(sent.get(name)).not.toBe(next.get(name))
  }
  expect(sent.get('code_challenge_method')).toBe('S256')
})

describe('T27, UPS-05: a foreign answer', () => {
  test('that names another issuer is refused before its code is sent anywhere', async () => {
    const system = await start()
    const client = await register(system)
    const { browser, callback } = await untilCallback(system, client)
    callback.searchParams.set('iss', 'https://attacker.example')
    expect((await open(browser, callback, client)).get('error')).toBe('server_error')
    expect(exchanges(system)).toBe(0)
  })

  test('with the code of another sign-in ends at its challenge or its nonce', async () => {
    const system = await start()
    const client = await register(system)
    const [victim, attacker] = [await untilCallback(system, client), await untilCallback(system, client)]
    victim.callback.searchParams.set('code', attacker.callback.searchParams.get('code')!)
    expect((await open(victim.browser, victim.callback, client)).get('error')).toBe('server_error')
    expect(system.store.dump()).not.toContain('grant:')
  })

  test('whose ID token was made for another sign-in is refused', async () => {
    const system = await start()
    const client = await register(system)
    const { browser, callback } = await untilCallback(system, client)
    system.imitation.ids.tamper = ({ claims }) => Object.assign(claims, { nonce: 'of another sign-in' })
    expect((await open(browser, callback, client)).get('error')).toBe('server_error')
    expect(system.store.dump()).not.toContain('grant:')
  })
})

test('UPS-06: no header of a request changes where the provider sends people back to', async () => {
  const system = await start()
  const client = await register(system)
  const browser = system.browser()
  const spoofed = {
    'x-forwarded-host': 'attacker.example',
    'x-forwarded-proto': 'http',
    forwarded: 'host=attacker.example',
  }
  const page = await browser.request(authorizeUrl(system, client), { headers: spoofed })
  const request = /name="request" value="([^"]+)"/.exec(await page.text())![1]!
  const body = new URLSearchParams({ request, decision: 'allow' })
  const answer = await browser.request(`${system.url}/consent`, { method: 'POST', body, headers: spoofed })
  const location = new URL(answer.headers.get('location')!)
  expect(location.origin + location.pathname).toBe(system.imitation.profile.authorize)
  expect(location.searchParams.get('redirect_uri')).toBe(`${system.url}/callback`)
})

describe('UPS-07: an error of the provider', () => {
  test.each([
    ['access_denied', 'access_denied'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['invalid_scope', 'server_error'],
    ['login_required', 'server_error'],
  ])('%s ends the client’s request with %s, its own state and our issuer', async (error, expected) => {
    const system = await start()
    const client = await register(system)
    system.imitation.onCallback = (answer) => {
      answer.delete('code')
      answer.set('error', error)
    }
    const { browser, callback } = await untilCallback(system, client)
    // The state comes first: an error that belongs to no sign-in reaches no client.
    const foreign = new URL(callback)
    foreign.searchParams.set('state', 'B'.repeat(22))
    expect((await browser.request(foreign.href)).status).toBe(403)
    const answer = await open(browser, callback, client)
    expect([answer.get('error'), answer.get('state'), answer.get('iss')]).toEqual([
      expected,
      'mine',
      system.proxy.issuer,
    ])
  })
})

describe('T28: tokens stay on their side', () => {
  test('UPS-08: the client sees none of the provider’s, in no answer, event or record', async () => {
    const system = await start('keycloak', {
      mcp: async (_request, auth) => {
        await auth.upstream.accessToken()
        return Response.json({ ok: true })
      },
    })
    const { client, tokens } = await connectImitated(system)
    await guarded(system, tokens.access_token)
    system.clock.ahead += 1800
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await response.json()) as Tokens
    await system.post('/revoke', { token: next.refresh_token, client_id: client.id })
    const theirs = system.imitation.grants.issued()
    expect(theirs.length).toBeGreaterThan(2)
    const visible = [...system.answers, JSON.stringify(system.events), system.store.dump()].join()
    for (const token of theirs) expect(visible).not.toContain(token)
  })

  test('the provider’s is no bearer here, nor good at our token and revocation endpoints', async () => {
    const system = await start()
    const { client, tokens } = await connectImitated(system)
    await callServer(system, tokens.access_token)
    for (const token of system.imitation.grants.issued()) {
      expect((await guarded(system, token)).status).toBe(401)
      const refused = await system.post('/token', refreshParams(client, token))
      expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
      expect((await system.post('/revoke', { token, client_id: client.id })).status).toBe(200)
    }
    expect((await guarded(system, tokens.access_token)).status, 'nothing came of it').toBe(200)
    expect(system.imitation.asked).not.toContain('revoke')
  })

  test('UPS-09: the provider never sees ours, also where it is asked to end its own', async () => {
    const system = await start()
    const { client, tokens } = await connectImitated(system)
    await callServer(system, tokens.access_token)
    system.clock.ahead += 1800
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await response.json()) as Tokens
    await callServer(system, next.access_token)
    await system.post('/revoke', { token: next.refresh_token, client_id: client.id })
    await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
    const sent = JSON.stringify(
      system.imitation.seen.map(({ url, query, headers, text }) => [url, `${query}`, [...headers], text]),
    )
    const own = [tokens, next].flatMap((each) => [each.access_token, each.refresh_token])
    for (const token of own) expect(sent).not.toContain(token)
  })
})

test('UPS-10: the store holds neither side’s tokens in clear, nor who signed in', async () => {
  const system = await start()
  const { tokens } = await connectImitated(system)
  const dump = system.store.dump()
  expect(dump).toContain('grant:')
  const secrets = [...system.imitation.grants.issued(), tokens.access_token, tokens.refresh_token]
  for (const secret of [...secrets, 'ada@example.com', 'Name of ada', 'id-of-ada']) {
    expect(dump).not.toContain(secret)
  }
})

describe('UPS-11: who somebody is', () => {
  test('is the subject of one issuer, never an address', async () => {
    const ids: string[] = []
    for (const sub of ['one', 'two', 'two']) {
      const system = await start()
      system.imitation.ids.tamper = ({ claims }) =>
        Object.assign(claims, { sub, email: 'same@example.com', email_verified: true })
      const { tokens } = await connectImitated(system)
      ids.push((await callServer(system, tokens.access_token)).user.id)
    }
    expect(ids[0]).not.toBe(ids[1])
    expect(ids[1]).toBe(ids[2])
  })

  test.each(['iss', 'aud', 'exp', 'nonce'])(
    'is not taken from an ID token whose %s is wrong',
    async (claim) => {
      const system = await start()
      const client = await register(system)
      const { browser, callback } = await untilCallback(system, client)
      system.imitation.ids.tamper = ({ claims }) =>
        Object.assign(claims, { [claim]: claim === 'exp' ? 1 : 'x' })
      expect((await open(browser, callback, client)).get('error')).toBe('server_error')
      expect(system.store.dump()).not.toContain('grant:')
    },
  )
})

test('UPS-12: an error with status 200 is one, as JSON and as a form', async () => {
  for (const headers of [{}, { 'content-type': 'application/x-www-form-urlencoded' }]) {
    const system = await start('github')
    const client = await register(system)
    const { browser, callback } = await untilCallback(system, client)
    const body =
      'content-type' in headers ? 'error=bad_verification_code' : { error: 'bad_verification_code' }
    system.imitation.faults.push({ at: 'exchange', fault: { body, headers } })
    expect((await open(browser, callback, client)).get('error')).toBe('server_error')
    expect(system.store.dump()).not.toContain('grant:')
  }
})

test('T36: what the provider writes in errors reaches no client, no event and no page, wherever it writes it', async () => {
  const canary = 'Canary-91c4'
  const fault = {
    status: 400,
    body: { error: canary, error_description: canary, error_uri: `https://x.test/${canary}` },
  }
  for (const at of ['exchange', 'refresh', 'revoke'] as const) {
    const system = await start('discord')
    if (at === 'exchange') {
      const client = await register(system)
      const { browser, callback } = await untilCallback(system, client)
      callback.searchParams.set('error_description', canary)
      system.imitation.faults.push({ at, fault })
      expect((await open(browser, callback, client)).get('error')).toBe('server_error')
    } else {
      const { client, tokens } = await connectImitated(system)
      system.clock.ahead += system.imitation.profile.ttl ?? 1800
      for (let times = 0; times < 2; times++) system.imitation.faults.push({ at, fault })
      await system.post('/token', refreshParams(client, tokens.refresh_token))
      await system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
      await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
    }
    await vi.waitFor(() =>
      expect(system.events.some(({ type }) => /failed|refused|ended/.test(type))).toBe(true),
    )
    expect(system.answers.join() + JSON.stringify(system.events)).not.toContain(canary)
  }
})

test('T37: a revoked refresh token takes the access tokens, the family and the provider’s tokens with it', async () => {
  const system = await start('discord')
  const { client, tokens } = await connectImitated(system)
  const { token } = await callServer(system, tokens.access_token)
  const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
  const next = (await response.json()) as Tokens
  expect((await system.post('/revoke', { token: next.refresh_token, client_id: client.id })).status).toBe(200)
  for (const { access_token: access } of [tokens, next])
    expect((await guarded(system, access)).status).toBe(401)
  for (const { refresh_token: refresh } of [tokens, next]) {
    expect(await outcome(await system.post('/token', refreshParams(client, refresh)))).toEqual([
      400,
      'invalid_grant',
    ])
  }
  await vi.waitFor(() => expect(system.imitation.grants.personOf(token)).toBeUndefined())
  const sentTokens = () =>
    system.imitation.seen
      .filter(({ url }) => url === system.imitation.profile.revoke!.url)
      .map(({ text }) => new URLSearchParams(text).get('token'))
  // The provider may end the whole family at the first of several requests.
  await vi.waitFor(() => expect(sentTokens()).toContain(token))
  const sent = sentTokens()
  // It was sent its own tokens, and nothing of ours.
  expect(sent.every((one) => system.imitation.grants.issued().includes(one!))).toBe(true)
})
