import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AssertionIssuer,
  ID_JAG,
  JWT_BEARER,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { guarded, REDIRECT, type StartedSystem, startSystem } from '../support/system.ts'

const SECRET = 'the secret of an enterprise client'

/** What one party may bring at different times. No two are alike. */
const VARIANTS = [
  { groups: ['staff'] },
  { groups: ['staff', 'release'] },
  { groups: [] },
  {},
  { acr: 'mfa' },
  { acr: 'pwd' },
  { workflow: 'release.yml', groups: ['staff'] },
  { workflow: 'lint.yml', groups: ['staff'] },
  { name: 'Ann', groups: ['staff'] },
] as const

let issuer: AssertionIssuer
let behind: Server
let seen: string[] = []
let system: StartedSystem
/** The same deployment, without anything in memory. */
const fresh = () => system.another({})

beforeAll(async () => {
  issuer = await startAssertionIssuer()
  behind = createServer((request, response) => {
    seen.push(String(request.headers['x-lockgate-assertion']))
    response.end('{}')
  })
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  const { port } = behind.address() as AddressInfo
  system = await startSystem({
    mcp: [
      { path: '/mcp', handler: (_request, auth) => Response.json({ claims: auth.user.claims }) },
      { path: '/behind', url: `http://127.0.0.1:${port}/mcp`, identity: { claims: ['groups'] } },
    ],
    clients: [{ clientId: 'claude', clientSecret: SECRET, redirectUris: [REDIRECT] }],
    scopes: { read: 'Read' },
    trustedIssuers: [
      {
        issuer: issuer.issuer,
        use: ['id-jag', 'workload', 'bearer'],
        rules: [{ name: 'job', match: { sub: 'job' }, scopes: ['read'] }],
      },
    ],
    limits: false,
  })
})
afterAll(() => {
  behind.close()
  return Promise.all([system.close(), issuer.close()])
})

const sign = (changes: Record<string, unknown>, header?: typeof ID_JAG) => {
  const now = Math.floor(Date.now() / 1000)
  const about = { iss: issuer.issuer, sub: 'job', aud: system.url, jti: crypto.randomUUID() }
  return issuer.sign({ ...about, iat: now, exp: now + 300, ...changes }, header)
}

const EXCHANGES: Readonly<Record<string, (claims: object) => Promise<Response>>> = {
  'a workload': async (claims) =>
    system.post('/token', { grant_type: JWT_BEARER, assertion: await sign({ ...claims }) }),
  'a person by an ID-JAG': async (claims) =>
    system.post('/token', {
      grant_type: JWT_BEARER,
      client_id: 'claude',
      client_secret: SECRET,
      assertion: await sign({ ...claims, client_id: 'claude' }, ID_JAG),
    }),
}

const claimsAt = async (at: StartedSystem, token: string) =>
  ((await (await guarded(at, token)).json()) as { claims: Record<string, unknown> }).claims

describe.each(Object.entries(EXCHANGES))('each access token of %s', (_name, exchange) => {
  test('tells what its own assertion said, in any order and at any instance', async () => {
    const issued: { claims: object; token: string }[] = []
    for (const claims of [...VARIANTS, ...[...VARIANTS].reverse()]) {
      const response = await exchange(claims)
      expect(response.status, await response.clone().text()).toBe(200)
      const { access_token: token } = (await response.json()) as { access_token: string }
      // One half is known to the first instance before the next exchange.
      if (issued.length % 2 === 0) await claimsAt(system, token)
      issued.push({ claims, token })
    }
    for (const { claims, token } of issued) {
      for (const at of [system, fresh()]) expect(await claimsAt(at, token)).toEqual(claims)
    }
  })

  test('shares a grant with those that said the same', async () => {
    const tokens: string[] = []
    for (let times = 0; times < 5; times++) {
      const response = await exchange({ groups: ['alike'] })
      tokens.push(((await response.json()) as { access_token: string }).access_token)
    }
    const grants = async () => {
      const found: string[] = []
      for await (const { user, id } of system.proxy.grants.all()) found.push(`${user}.${id}`)
      return found.length
    }
    const before = await grants()
    await exchange({ groups: ['alike'] })
    expect(await grants()).toBe(before)
    await exchange({ groups: ['another'] })
    expect(await grants()).toBe(before + 1)
  })
})

test('the signed identity of a workload’s own token is that of this token', async () => {
  const tokens = await Promise.all(
    VARIANTS.map(async (claims) => ({
      claims: claims as { groups?: readonly string[] },
      token: await sign({ ...claims, aud: `${system.url}/behind` }),
    })),
  )
  for (const { claims, token } of [...tokens, ...tokens.reverse()]) {
    seen = []
    const headers = { authorization: `Bearer ${token}` }
    expect((await system.call('/behind', { method: 'POST', body: '{}', headers })).status).toBe(200)
    expect(decodeJwt(seen[0]!).groups ?? []).toEqual(claims.groups ?? [])
  }
})
