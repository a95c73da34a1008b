import { createProxy } from 'lockgate'
import { notion } from 'lockgate/providers/notion'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ROWS, type Row } from '../providers/rows.ts'
import { asPage, asUrl } from '../support/browser.ts'
import { CLIENT, type ImitatedSystem, startImitated } from '../support/imitation/system.ts'
import {
  authorizeUrl,
  challengeOf,
  guarded,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const SCOPES = {
  use: 'Use the tools',
  read: { description: 'Read your issues', upstream: ['public_repo'] },
  write: { description: 'Change your repositories', upstream: ['repo', 'workflow'] },
}
const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

async function start(
  name = 'github',
  own: Parameters<typeof startImitated>[2] = {},
  profile: Partial<Row['profile']> = {},
): Promise<ImitatedSystem> {
  const row = rowOf(name)
  const system = await startImitated(
    row.provider,
    { ...row.profile, ...profile },
    {
      scopes: SCOPES,
      accessTokenTtl: 86_400,
      mcp: (_request, { scopes, user }) => Response.json({ scopes, user: user.id }),
      ...own,
    },
  )
  systems.push(system)
  return system
}

/** A sign-in that asks for a scope. */
async function ask(system: ImitatedSystem, client: TestClient, scope: string | undefined, login = 'ada') {
  const browser = system.browser()
  const verifier = newVerifier()
  const stopAt = client.redirectUri
  const page = asPage(
    await browser.open(
      authorizeUrl(system, client, {
        code_challenge: challengeOf(verifier),
        resource: system.mcp,
        ...(scope !== undefined && { scope }),
      }),
    ),
  )
  const form = asPage(await browser.submit(page, { decision: 'allow' }, { stopAt }))
  const answer = asUrl(await browser.submit(form, { login }, { stopAt }))
  const asked = system.imitation.seen.findLast(({ url }) => url === system.imitation.profile.authorize)
  const redeem = async () => {
    const code = answer.searchParams.get('code')!
    const response = await system.post('/token', redeemParams(client, { code, verifier }))
    expect(response.status).toBe(200)
    return (await response.json()) as Tokens
  }
  return { page: page.text, asked: asked?.query.get('scope')?.split(' '), answer, redeem }
}

const seenBy = async (system: ImitatedSystem, { access_token: token }: Tokens) =>
  (await (await guarded(system, token)).json()) as { scopes: string[]; user: string }

describe('what is asked of the provider', () => {
  test('is what every sign-in needs and what the approved scopes need, no more', async () => {
    const system = await start()
    const client = await register(system)
    const base = ['read:user', 'user:email']
    expect((await ask(system, client, 'use')).asked).toEqual(base)
    expect((await ask(system, client, 'read')).asked).toEqual([...base, 'public_repo'])
    expect((await ask(system, client, 'use write')).asked).toEqual([...base, 'repo', 'workflow'])
    // Who asks for nothing gets what costs nothing there.
    const { asked, redeem } = await ask(system, client, undefined)
    expect(asked).toEqual(base)
    expect((await redeem()).scope).toBe('use')
  })

  test('is shown before, in words where somebody knows them', async () => {
    const system = await start()
    const { page } = await ask(system, await register(system), 'write')
    expect(page).toContain('Change your repositories')
    expect(page).toContain('to read and change your repositories, private ones too')
    expect(page).toContain('workflow')
    expect(page).not.toContain('Read your issues')
  })

  test('is repeated where the provider wants to hear it at each request', async () => {
    const provider = rowOf('microsoft (organizations)').provider
    const system = await start('microsoft (organizations)', {
      scopes: { mail: { description: 'Read your mail', upstream: ['Mail.Read'] } },
      upstream: provider,
    })
    const client = await register(system)
    const { redeem, asked } = await ask(system, client, 'mail')
    const tokens = await redeem()
    expect(asked).toContain('Mail.Read')
    system.clock.ahead += system.imitation.profile.ttl ?? 1800
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    const sent = system.imitation.seen
      .filter(({ text }) => text.includes('grant_type'))
      .map(({ text }) => new URLSearchParams(text).get('scope')?.split(' '))
    expect(sent).toHaveLength(2)
    for (const scope of sent) expect(scope).toEqual(asked)
  })
})

describe('T31: nobody gets here what the provider did not give', () => {
  /** The provider answers with this scope, whatever was asked. */
  const granting = (scope: string | undefined) => ({
    shape: ({ scope: _, ...answer }: Readonly<Record<string, unknown>>) => ({
      ...answer,
      ...(scope && { scope }),
    }),
  })

  test.each([
    ['less than was asked', 'read:user,user:email,public_repo', 'use read'],
    ['what includes it', 'user,repo', 'use read'],
    ['all of it', 'user,repo,workflow', 'use read write'],
    ['half of what one needs', 'user,workflow', 'use'],
    ['nothing it says of', undefined, 'use read write'],
  ])('the token has the scopes both sides granted: %s', async (_name, granted, expected) => {
    const system = await start('github', {}, granting(granted))
    const { redeem } = await ask(system, await register(system), 'use read write')
    const tokens = await redeem()
    expect(tokens.scope).toBe(expected)
    expect((await seenBy(system, tokens)).scopes).toEqual(expected.split(' '))
  })

  test('where nothing is left the client is told so, and the provider’s token ends', async () => {
    const system = await start('github', {}, granting('user'))
    const { answer } = await ask(system, await register(system), 'write')
    expect(answer.searchParams.get('error')).toBe('invalid_scope')
    expect(answer.searchParams.get('error_description')).toContain('granted nothing')
    expect(system.store.dump()).not.toContain('grant:')
    expect(system.events.at(-1)).toMatchObject({
      type: 'refused',
      code: 'invalid_scope',
      reason: 'provider-granted-nothing',
      detail: 'requested: repo workflow; granted: user',
    })
    await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
  })

  test('a refresh asks for no more than was granted', async () => {
    const system = await start('github', {}, granting('user,public_repo'))
    const client = await register(system)
    const tokens = await (await ask(system, client, 'use read write')).redeem()
    const wider = { ...refreshParams(client, tokens.refresh_token), scope: 'use write' }
    expect(await outcome(await system.post('/token', wider))).toEqual([400, 'invalid_scope'])
    const narrower = { ...refreshParams(client, tokens.refresh_token), scope: 'use' }
    expect(((await (await system.post('/token', narrower)).json()) as Tokens).scope).toBe('use')
  })

  test('what the provider takes back at a refresh is gone here at once', async () => {
    let taken: string | undefined
    const system = await start(
      'gitlab',
      {},
      {
        shape: (answer) => ({ ...answer, ...(taken !== undefined && { scope: taken }) }),
      },
    )
    const client = await register(system)
    const tokens = await (await ask(system, client, 'use write')).redeem()
    taken = 'openid profile email workflow'
    system.clock.ahead += system.imitation.profile.ttl ?? 7200
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await response.json()) as Tokens
    expect(next.scope).toBe('use')
    expect((await guarded(system, tokens.access_token)).status, 'a token with more of it').toBe(401)
    expect((await seenBy(system, next)).scopes).toEqual(['use'])
  })

  test('a grant of which nothing is left ends', async () => {
    let taken: string | undefined
    const system = await start(
      'gitlab',
      {},
      {
        shape: (answer) => ({ ...answer, ...(taken !== undefined && { scope: taken }) }),
      },
    )
    const client = await register(system)
    const tokens = await (await ask(system, client, 'write')).redeem()
    taken = 'openid'
    system.clock.ahead += system.imitation.profile.ttl ?? 7200
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(response)).toEqual([400, 'invalid_grant'])
    expect(system.events.find(({ type }) => type === 'grant-ended')?.reason).toBe('provider-scopes-withdrawn')
  })
})

describe('a client that needs more than it has', () => {
  const needing = {
    mcp: {
      handler: (_: Request, auth: { scopes: string[]; user: { id: string } }) =>
        Response.json({ scopes: auth.scopes, user: auth.user.id }),
      scopes: ['write'],
    },
  }

  test('is told what, asks for it, and goes on as the same person', async () => {
    const system = await start('github', needing)
    const client = await register(system)
    const before = await (await ask(system, client, 'use read')).redeem()
    const refused = await guarded(system, before.access_token)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(refused.headers.get('www-authenticate')).toContain('scope="write"')
    const { page, redeem } = await ask(system, client, 'use read write')
    expect(page, 'all of it is shown again').toContain('Read your issues')
    const after = await redeem()
    const told = await seenBy(system, after)
    expect(told.scopes).toEqual(['use', 'read', 'write'])
    const grants = await system.proxy.grants.list(told.user)
    expect(grants.map(({ scope }) => scope.length).sort()).toEqual([2, 3])
    expect(
      (await guarded(system, before.access_token)).status,
      'the token before has no more than it had',
    ).toBe(403)
  })

  test('gets a grant of its own where somebody else signs in for it', async () => {
    const system = await start('github', needing)
    const client = await register(system)
    const ada = await (await ask(system, client, 'use write', 'ada')).redeem()
    const grace = await (await ask(system, client, 'use read write', 'grace')).redeem()
    const [one, two] = [await seenBy(system, ada), await seenBy(system, grace)]
    expect(one.user).not.toBe(two.user)
    expect(one.scopes).toEqual(['use', 'write'])
    const response = await system.post('/token', refreshParams(client, ada.refresh_token))
    expect((await seenBy(system, (await response.json()) as Tokens)).user).toBe(one.user)
  })
})

test('scopes of the provider are refused where it takes none', () => {
  const make = () =>
    createProxy({
      url: 'http://localhost:8787',
      secret: 'a secret of the tests, long enough to be one',
      upstream: notion({ clientId: CLIENT.id, clientSecret: CLIENT.secret }),
      storage: memory(),
      mcp: 'http://127.0.0.1:1/mcp',
      scopes: SCOPES,
    })
  expect(make).toThrow(/scopes: names `upstream` scopes, but notion fixes its scopes/)
})
