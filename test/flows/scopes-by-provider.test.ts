import { createProxy } from 'lockgate'
import { github } from 'lockgate/providers/github'
import { google } from 'lockgate/providers/google'
import { microsoft } from 'lockgate/providers/microsoft'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { ROWS, type Row } from '../providers/rows.ts'
import { asPage, asUrl } from '../support/browser.ts'
import { CLIENT, type ImitatedSystem, startImitated } from '../support/imitation/system.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  redeemParams,
  register,
  type Tokens,
} from '../support/system.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const credentials = { clientId: CLIENT.id, clientSecret: CLIENT.secret }
const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

const SCOPES = {
  use: 'Use the tools',
  code: { description: 'Change your repositories', upstream: { github: ['repo'] } },
  files: {
    description: 'Read your files',
    upstream: { google: ['https://www.googleapis.com/auth/drive.readonly'], github: [] },
  },
}

/** A proxy for GitHub and Google, in front of the imitation of one of them. */
async function start(at: 'github' | 'google') {
  const { profile } = rowOf(at)
  const redirectUri = `https://proxy.example.com/callback/${at}`
  const system = await startImitated(github(credentials), profile, {
    client: { ...CLIENT, redirectUri },
    upstream: [github(credentials), google(credentials)],
    scopes: SCOPES,
  })
  systems.push(system)
  return system
}

async function signIn(system: ImitatedSystem, provider: string, scope: string) {
  const client = await register(system)
  const browser = system.browser()
  const verifier = newVerifier()
  const stopAt = client.redirectUri
  const params = { code_challenge: challengeOf(verifier), resource: system.mcp, scope }
  const consent = asPage(await browser.open(authorizeUrl(system, client, params)))
  const form = asPage(await browser.submit(consent, { decision: 'allow', provider }, { stopAt }))
  const answer = asUrl(await browser.submit(form, { login: 'ada' }, { stopAt }))
  const asked = system.imitation.seen.find(({ url }) => url === system.imitation.profile.authorize)
  const code = answer.searchParams.get('code')
  const response = code ? await system.post('/token', redeemParams(client, { code, verifier })) : undefined
  const tokens = (await response?.json()) as Tokens | undefined
  return {
    error: answer.searchParams.get('error'),
    asked: asked?.query.get('scope')?.split(' ') ?? [],
    granted: tokens?.scope?.split(' ') ?? [],
  }
}

describe('scopes that need scopes of one provider', () => {
  test('are requested of that provider and of no other', async () => {
    const hub = await signIn(await start('github'), 'github', 'use code files')
    expect(hub.asked).toEqual(['read:user', 'user:email', 'repo'])
    expect(hub.granted).toEqual(['use', 'code', 'files'])
    const other = await signIn(await start('google'), 'google', 'use code files')
    expect(other.asked).toEqual([
      'openid',
      'profile',
      'email',
      'https://www.googleapis.com/auth/drive.readonly',
    ])
    expect(other.granted).toEqual(['use', 'files'])
  })

  test('are not granted by a provider that is not named, and the client is told if nothing is left', async () => {
    const { error } = await signIn(await start('google'), 'google', 'code')
    expect(error).toBe('invalid_scope')
  })
})

describe('options about them', () => {
  const make = (scopes: object, upstream: object, mcp: object | string = 'http://localhost:1/mcp') =>
    createProxy({
      url: 'https://proxy.example.com',
      secret: 'a secret of the tests, long enough to be one',
      storage: memory(),
      upstream: upstream as never,
      scopes: scopes as never,
      mcp: mcp as never,
    })
  const both = [github(credentials), google(credentials)]
  const listed = { code: { description: 'Code', upstream: ['repo'] } }

  test('are wrong if a list does not say to which of several providers it belongs', () => {
    expect(() => make(listed, both)).toThrow(
      /scopes\.code\.upstream: .*several providers: write \{ github: \[ … \] \}/,
    )
    expect(() => make(listed, github(credentials))).not.toThrow()
    expect(() => make(listed, [github(credentials)])).not.toThrow()
    expect(() => make({ code: { description: 'Code', upstream: [] } }, both)).not.toThrow()
  })

  test('are wrong if they name a provider that there is not', () => {
    const scopes = { code: { description: 'Code', upstream: { gitlab: ['api'] } } }
    expect(() => make(scopes, both)).toThrow(
      /scopes\.code\.upstream: names `\w+`, which `upstream` does not have/,
    )
  })

  test('are wrong if a server requires a scope that none of its providers can give', () => {
    const mcp = [{ path: '/wiki', url: 'http://localhost:1/mcp', upstream: ['google'], scopes: ['code'] }]
    expect(() => make(SCOPES, both, mcp)).toThrow(
      /mcp\.0\.scopes: names a scope that no provider of this server can give/,
    )
  })

  test('a scope that no provider of a server can give is not offered there', async () => {
    const mcp = [{ path: '/wiki', url: 'http://localhost:1/mcp', upstream: ['google'] }]
    const proxy = make(SCOPES, both, mcp)
    const client = await (
      await proxy.fetch(
        new Request('https://proxy.example.com/register', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:5555/callback'], client_name: 'C' }),
        }),
      )
    ).json()
    const page = async (scope: string) => {
      const url = new URL('https://proxy.example.com/authorize')
      url.search = `${new URLSearchParams({
        response_type: 'code',
        client_id: (client as { client_id: string }).client_id,
        redirect_uri: 'http://127.0.0.1:5555/callback',
        code_challenge: challengeOf(newVerifier()),
        code_challenge_method: 'S256',
        resource: 'https://proxy.example.com/wiki',
        scope,
      })}`
      return proxy.fetch(new Request(url))
    }
    const shown = await (await page('use code')).text()
    expect(shown).toContain('Use the tools')
    expect(shown).not.toContain('Change your repositories')
    const refused = await page('code')
    expect((await refused.text()) + (refused.headers.get('location') ?? '')).toContain('invalid_scope')
  })

  test('Microsoft’s own default scope gives way to another API', async () => {
    const { profile } = rowOf('microsoft (organizations)')
    const upstream = microsoft({ ...credentials, tenant: 'organizations' })
    const system = await startImitated(upstream, profile, {
      scopes: { app: { description: 'Use the app', upstream: ['api://app/.default'] } },
    })
    systems.push(system)
    const client = await register(system)
    const browser = system.browser()
    const params = { code_challenge: challengeOf(newVerifier()), resource: system.mcp, scope: 'app' }
    const consent = asPage(await browser.open(authorizeUrl(system, client, params)))
    await browser.submit(consent, { decision: 'allow' })
    const asked = system.imitation.seen.find(({ url }) => url === profile.authorize)
    expect(asked?.query.get('scope')).toBe('openid profile email offline_access api://app/.default')
  })
})
