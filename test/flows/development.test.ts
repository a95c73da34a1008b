import { createProxy } from 'lockgate'
import { dev } from 'lockgate/providers/dev'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test } from 'vitest'
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

let system: StartedSystem | undefined
afterEach(async () => {
  await system?.close()
  system = undefined
})

const options = {
  secret: 'a secret of the tests, long enough to be one',
  storage: memory(),
  mcp: () => new Response(),
  upstream: dev(),
}

/** Approves a client and fills in the page. */
async function signIn(started: StartedSystem, fields: Record<string, string>) {
  const client = await register(started)
  const browser = started.browser()
  const verifier = newVerifier()
  const consent = asPage(
    await browser.open(authorizeUrl(started, client, { code_challenge: challengeOf(verifier) })),
  )
  const page = asPage(await browser.submit(consent, { decision: 'allow' }))
  expect(page.document.querySelector('h1')?.text).toBe('Sign in as …')
  return {
    client,
    browser,
    verifier,
    next: await browser.submit(page, fields, { stopAt: client.redirectUri }),
  }
}

describe('the sign-in for development', () => {
  test.each(['http://localhost:8787', 'http://localhost:8787/tools'])(
    'signs in as any user without a provider (%s)',
    async (url) => {
      system = await startSystem({
        url,
        upstream: dev(),
        mcp: { handler: (_, auth) => Response.json(auth.user) },
      })
      const { client, browser, verifier, next } = await signIn(system, {
        email: 'Ada@example.com',
        groups: 'admins, engineers',
      })
      const back =
        typeof next === 'string' ? next : await browser.submit(next, {}, { stopAt: client.redirectUri })
      const code = asUrl(back).searchParams.get('code')!
      const tokens = (await (
        await system.post('/token', redeemParams(client, { code, verifier }))
      ).json()) as Tokens
      const response = await system.call('/mcp', {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens.access_token}` },
        body: '{}',
      })
      expect(await response.json()).toMatchObject({
        email: 'Ada@example.com',
        emailVerified: true,
        claims: { groups: ['admins', 'engineers'] },
      })
    },
  )

  test('is judged by `allow`', async () => {
    system = await startSystem({ upstream: dev(), allow: ['group:admins'] })
    const { next } = await signIn(system, { email: 'eve@example.com', groups: 'guests' })
    expect(system.events.map(({ type }) => type)).toContain('turned-away')
    expect(asPage(next).text).not.toContain('code=')
  })

  test('refuses to start with a public URL', () => {
    expect(() => createProxy({ ...options, url: 'https://mcp.example.com' })).toThrow(
      /upstream.*for development/,
    )
  })

  test('refuses requests from another machine', async () => {
    const proxy = createProxy({ ...options, url: 'http://localhost:8787', clientAddress: () => '192.0.2.7' })
    for (const method of ['GET', 'POST']) {
      const response = await proxy.fetch(new Request('http://localhost:8787/sign-in-as?state=x', { method }))
      expect(response.status).toBe(403)
      expect(await response.text()).toContain('only on the machine')
    }
  })

  test.each(['127.0.0.1', '::1', '[::1]:4567', '::ffff:127.0.0.1'])(
    'knows this machine as %s',
    async (address) => {
      const proxy = createProxy({ ...options, url: 'http://localhost:8787', clientAddress: () => address })
      const response = await proxy.fetch(new Request('http://localhost:8787/sign-in-as?state=x'))
      expect(await response.text()).not.toContain('only on the machine')
    },
  )

  test('needs a sign-in that this browser started', async () => {
    const proxy = createProxy({ ...options, url: 'http://localhost:8787' })
    const response = await proxy.fetch(new Request('http://localhost:8787/sign-in-as?state=x'))
    expect(response.status).toBeGreaterThanOrEqual(400)
  })

  test('has no page with a provider', async () => {
    system = await startSystem()
    expect((await system.call('/sign-in-as?state=x')).status).toBe(404)
  })
})
