import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Provider } from 'lockgate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { examineProviders, type ProviderRequest, providerText } from '../../adapters/cli/doctor/provider.ts'
import { factsOf, scrub } from '../../adapters/cli/doctor/provider-report.ts'
import type { Finding } from '../../adapters/doctor/finding.ts'
import { createProbe } from '../../adapters/doctor/probe.ts'
import { findBySignIn } from '../../adapters/doctor/provider/with-user.ts'
import { findWithoutUser } from '../../adapters/doctor/provider/without-user.ts'
import { ROWS, type Row } from '../providers/rows.ts'
import { asPage, Browser } from '../support/browser.ts'
import { runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { type Imitation, startImitation } from '../support/imitation/imitation.ts'
import { CLIENT } from '../support/imitation/system.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'

let [folder, real]: [string, TestProvider | undefined] = ['', undefined]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-doctor-provider-'))
})
afterEach(async () => {
  await real?.close()
  real = undefined
  await rm(folder, { recursive: true, force: true })
})

const of = (findings: readonly Finding[], id: string) => findings.find((one) => one.id === id)
const statuses = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.map(({ id, status }) => [id, status]))

/** Examines a real OpenID Connect provider by the variables of an operator. */
async function examineReal(
  env: Record<string, string> = {},
  own: Partial<ProviderRequest> = {},
  configuration = {},
) {
  const port = await freePort()
  const callback = `http://localhost:${port}/callback`
  real = await startProvider({ redirectUris: [callback], configuration })
  const told: string[] = []
  const [one] = await examineProviders({
    source: {
      env: {
        LOCKGATE_UPSTREAM: 'oidc',
        LOCKGATE_UPSTREAM_ISSUER: real.issuer,
        LOCKGATE_UPSTREAM_CLIENT_ID: real.clientId,
        LOCKGATE_UPSTREAM_CLIENT_SECRET: real.clientSecret,
        ...env,
      },
      cwd: folder,
      config: undefined,
    },
    fetch: (url, init) => fetch(url, init),
    timeout: 5000,
    signIn: false,
    callback,
    report: undefined,
    say: (text) => told.push(text),
    mayReuse: async () => false,
    ...own,
  })
  return { ...one!, told }
}

/** Follows the sign-in of a real provider in a browser. */
async function signInByBrowser(text: string): Promise<void> {
  const address = /^ {2}(http\S+)$/m.exec(text)?.[1]
  const browser = new Browser()
  const page = asPage(await browser.open(address!))
  await signInAtProvider(browser, page, { stopAt: 'http://never.invalid' })
}

describe('a real OpenID Connect provider, without a user', () => {
  test('confirms what can be confirmed', async () => {
    const { findings, definition, options, ...one } = await examineReal()
    expect(statuses(findings)).toMatchObject({
      'provider.definition': 'ok',
      'upstream.discovery': 'ok',
      'upstream.credentials': 'ok',
      'upstream.callback': 'ok',
      'provider.client-auth.checked': 'ok',
      'provider.scopes': 'ok',
      'provider.pkce': 'ok',
      'provider.revocation-endpoint': 'ok',
      'provider.refresh-errors': 'ok',
      'provider.par': 'ok',
      'provider.revocation': 'ok',
      'provider.clock': 'ok',
    })
    expect(definition).toMatchObject({ name: 'oidc', confidence: 'high' })
    expect(options).toContain('LOCKGATE_UPSTREAM_ISSUER')
    const text = providerText({ definition, ...one }, false)
    expect(text).toMatch(
      /^ {2}confirmed +endpoints, client authentication, scopes, PKCE, refresh errors, revocation$/m,
    )
    expect(text).toMatch(/^ {2}contradicted +none$/m)
    expect(text).toMatch(/^0 failed, 0 to report, /m)
  })

  test('a wrong secret fails, and is not repeated', async () => {
    const { findings } = await examineReal({ LOCKGATE_UPSTREAM_CLIENT_SECRET: 'another-secret' })
    expect(of(findings, 'upstream.credentials')).toMatchObject({ status: 'fail' })
    expect(of(findings, 'provider.client-auth.checked')).toMatchObject({ status: 'skip' })
    expect(JSON.stringify(findings)).not.toContain('another-secret')
  })

  test('a callback that is not registered fails', async () => {
    const { findings } = await examineReal({}, { callback: 'http://localhost:1/callback' })
    expect(of(findings, 'upstream.callback')).toMatchObject({
      status: 'fail',
      fix: 'Register <callback> at the provider, character by character.',
    })
  })

  test('an issuer that does not answer fails, and nothing else is claimed', async () => {
    const port = await freePort()
    const issuer = `http://localhost:${port}`
    const { findings, shown, ...one } = await examineReal({ LOCKGATE_UPSTREAM_ISSUER: issuer })
    expect(of(findings, 'upstream.discovery')).toMatchObject({ status: 'fail' })
    expect(of(findings, 'upstream.discovery')!.seen).toMatch(
      /: no answer \(ECONNREFUSED: no server listens there\)$/,
    )
    const text = providerText({ shown, ...one }, false)
    expect(text, 'people read the address').toContain(`${issuer}/.well-known/openid-configuration: no answer`)
    expect(text).not.toMatch(/<issuer>|<client/)
    expect(JSON.stringify(findings), 'a report does not have it').not.toContain(String(port))
    expect(findings.filter(({ status }) => status === 'ok').map(({ id }) => id)).toEqual([
      'provider.definition',
    ])
  })

  test('an issuer that takes the proxy of the environment is looked for there, by the command itself', async () => {
    const asked: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request, socket) => {
      asked.push(request.url!)
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
    })
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    const { code, out } = await runCommand(folder, ['doctor', '--provider', '--timeout', '5'], {
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      LOCKGATE_UPSTREAM: 'oidc',
      LOCKGATE_UPSTREAM_ISSUER: 'https://id.company.example',
      LOCKGATE_UPSTREAM_CLIENT_ID: 'one',
      LOCKGATE_UPSTREAM_CLIENT_SECRET: 'a secret',
    })
    proxy.closeAllConnections()
    proxy.close()
    expect(new Set(asked)).toEqual(new Set(['id.company.example:443']))
    expect(code).toBe(1)
    expect(out).toContain('https://id.company.example/.well-known/openid-configuration: no answer')
    expect(out, 'the cause').toContain('407')
  })

  test('wrong variables are named, and nothing is sent', async () => {
    await expect(examineReal({ LOCKGATE_UPSTREAM_ISSUER: 'no-url' })).rejects.toThrow(
      'LOCKGATE_UPSTREAM_ISSUER: expected an https URL',
    )
    expect(real!.requests).toEqual([])
  })

  test('a config file with two providers is examined twice', async () => {
    const port = await freePort()
    const callback = `http://localhost:${port}/callback`
    real = await startProvider({ redirectUris: [callback] })
    const { issuer, clientId, clientSecret } = real
    const src = new URL('../../src/providers/oidc.ts', import.meta.url).pathname
    const file = join(folder, 'lockgate.config.mjs')
    await writeFile(
      file,
      `import { oidc } from ${JSON.stringify(src)}
const given = ${JSON.stringify({ issuer, clientId, clientSecret })}
export default {
  url: 'http://localhost:${port}',
  mcp: 'http://localhost:1/mcp',
  upstream: [oidc({ ...given, id: 'one' }), oidc({ ...given, id: 'two' })],
}
`,
    )
    const all = await examineProviders({
      source: { env: { LOCKGATE_STORAGE: 'memory:' }, cwd: folder, config: file },
      fetch: (url, init) => fetch(url, init),
      timeout: 5000,
      signIn: false,
      callback,
      report: undefined,
      say: () => {},
      mayReuse: async () => false,
    })
    expect(all.map(({ findings }) => of(findings, 'upstream.credentials')?.status)).toEqual(['ok', 'ok'])
  })
})

describe('a real OpenID Connect provider, with one sign-in', () => {
  test('signs in on loopback, refreshes, reuses if the operator agrees, revokes, and writes a report', async () => {
    const file = join(folder, 'report.json')
    const { findings } = await examineReal(
      {},
      {
        signIn: true,
        report: file,
        mayReuse: async () => true,
        say: (text) => void signInByBrowser(text).catch(() => {}),
      },
      { rotateRefreshToken: true },
    )
    expect(statuses(findings)).toMatchObject({
      'sign-in.exchange': 'ok',
      'sign-in.tokens': 'ok',
      'sign-in.identity': 'ok',
      'sign-in.refresh': 'ok',
      'sign-in.rotation': 'ok',
      'sign-in.reuse': 'ok',
      'sign-in.revocation': 'ok',
    })
    expect(of(findings, 'sign-in.reuse')?.seen).toMatch(/^refused with 400 invalid_grant; it ended/)
    expect(of(findings, 'sign-in.tokens')?.seen).toMatch(/a refresh token; members: access_token expires_in/)
    const text = await readFile(file, 'utf8')
    expect((await stat(file)).mode & 0o077).toBe(0)
    expect(JSON.parse(text)).toMatchObject({ definition: { name: 'oidc' }, findings: expect.any(Array) })
    const received = real!.received.join('\n')
    const secrets = [
      real!.clientSecret,
      real!.issuer,
      ...[...received.matchAll(/(?:code|code_verifier|refresh_token|token)=([\w.-]{20,})/g)].map(
        ([, secret]) => secret!,
      ),
      'ada@example.com',
    ]
    expect(secrets.length).toBeGreaterThan(5)
    for (const secret of secrets) expect(text).not.toContain(secret)
  })

  test('without consent no refresh token is used twice', async () => {
    const { findings } = await examineReal(
      {},
      {
        signIn: true,
        report: join(folder, 'report.json'),
        say: (text) => void signInByBrowser(text).catch(() => {}),
      },
      { rotateRefreshToken: true },
    )
    expect(of(findings, 'sign-in.reuse')).toMatchObject({ status: 'skip', seen: 'not tried' })
    expect(of(findings, 'sign-in.revocation')).toMatchObject({ status: 'ok' })
  })

  test('a callback elsewhere cannot be listened at', async () => {
    const callback = 'https://mcp.example.com/callback'
    await expect(examineReal({}, { signIn: true, callback })).rejects.toThrow(
      '--callback: expected an address',
    )
  })
})

/** Signs in at an imitation without a browser. */
async function answerOf(imitation: Imitation, address: string, login = 'ada'): Promise<URLSearchParams> {
  const body = new URLSearchParams({ login })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const init = { method: 'POST', headers, body: body.toString(), redirect: 'manual' as const }
  const response = await imitation.fetch(address, init)
  const location = response.headers.get('location')
  if (location !== null) return new URL(location).searchParams
  const inputs = [...(await response.text()).matchAll(/name="(\w+)" value="([^"]*)"/g)]
  return new URLSearchParams(inputs.map(([, name, value]) => [name!, value!]))
}

const portsOf = (imitation: Imitation) => ({
  fetch: imitation.fetch,
  probe: createProbe({ fetch: imitation.fetch, timeout: 5000, agent: 'test' }),
  callback: CLIENT.redirectUri,
})

async function examineImitated({ provider, profile, client = CLIENT }: Row, own: Partial<Provider> = {}) {
  const imitation = await startImitation(profile, client)
  const examined = { ...provider, ...own }
  try {
    const before = await findWithoutUser(examined, portsOf(imitation))
    const { findings, secrets } = await findBySignIn(examined, {
      fetch: imitation.fetch,
      callback: CLIENT.redirectUri,
      answer: (address) => answerOf(imitation, address),
      mayReuse: async () => true,
    })
    return { before, findings, secrets, issued: imitation.grants.issued() }
  } finally {
    await imitation.close()
  }
}

describe('in front of the imitation of a vendor', () => {
  test.for(ROWS)('$name: nothing that the definition says is contradicted', async (row) => {
    const { before, findings, secrets, issued } = await examineImitated(row)
    const all = [...before, ...findings]
    const bad = all.filter(({ status }) => status === 'fail' || status === 'warn')
    expect(bad).toEqual([])
    expect(of(findings, 'sign-in.exchange')).toMatchObject({ status: 'ok' })
    const refresh = row.profile.refreshes === 'never' ? 'skip' : 'ok'
    expect(of(findings, 'sign-in.refresh')).toMatchObject({ status: refresh })
    const text = JSON.stringify(scrub(all, new Map(secrets.map((secret) => [secret, '<private>']))))
    for (const token of issued) expect(text).not.toContain(token)
    expect(text).not.toMatch(/ada@example\.com|Name of ada/)
  })

  describe.each<[string, () => Promise<Response>]>([
    [
      'has no address',
      async () => {
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('none'), { code: 'ENOTFOUND' }),
        })
      },
    ],
    ['is behind a proxy that wants a password', async () => new Response('', { status: 407 })],
    ['is behind a gateway that fails', async () => new Response('', { status: 502 })],
  ])('a provider that %s', (_name, fetch) => {
    test.for(ROWS)('is neither found nor confirmed nor contradicted: $name', async ({ provider }) => {
      const probe = createProbe({ fetch, timeout: 5000, agent: 'test' })
      const findings = await findWithoutUser(provider, { fetch, probe, callback: CLIENT.redirectUri })
      expect(findings.filter(({ status }) => status === 'ok')).toEqual([])
      expect(of(findings, 'upstream.discovery')!.status).toMatch(/^(fail|skip)$/)
      const [confirmed, contradicted] = factsOf(findings)
      expect([confirmed, contradicted]).toEqual([
        expect.stringMatching(/^confirmed +none$/),
        expect.stringMatching(/^contradicted +none$/),
      ])
      for (const { fix = '', seen = '', expected = '' } of findings)
        for (const text of [fix, seen, expected]) expect(text).not.toMatch(/ \.|[:,] *$|\b(and|is|of) *\.?$/)
    })
  })

  test('a provider that cannot be reached makes the command fail, and names the address', async () => {
    const { code, out } = await runCommand(folder, ['doctor', '--provider', '--timeout', '5'], {
      HTTPS_PROXY: `http://127.0.0.1:${await freePort()}`,
      LOCKGATE_UPSTREAM: 'google',
      LOCKGATE_UPSTREAM_CLIENT_ID: 'one',
      LOCKGATE_UPSTREAM_CLIENT_SECRET: 'a secret',
    })
    expect(code).toBe(1)
    expect(out).toContain('https://accounts.google.com/.well-known/openid-configuration: no answer')
    expect(out).toMatch(/confirmed +none\n *contradicted +none/)
    expect(out).not.toContain('127.0.0.1 in a browser')
  })

  const google = ROWS.find(({ name }) => name === 'google')!
  const linear = ROWS.find(({ name }) => name === 'linear')!

  test('a definition that is wrong about rotation is contradicted, with what to set', async () => {
    const { findings } = await examineImitated(linear, { rotation: 'never' })
    expect(of(findings, 'sign-in.rotation')).toMatchObject({
      status: 'warn',
      seen: 'it changed',
      fix: "Set overrides: { rotation: 'always' }, and report it.",
    })
  })

  test('a refusal of a refresh that no rule calls final is contradicted', async () => {
    const supabase = ROWS.find(({ name }) => name === 'supabase')!
    const { before } = await examineImitated(supabase, { refreshErrors: [] })
    expect(of(before, 'provider.refresh-errors')).toMatchObject({
      status: 'warn',
      seen: '400 refresh_token_not_found',
    })
  })

  test('a method of client authentication that the vendor does not take is contradicted', async () => {
    const { before } = await examineImitated(linear, { clientAuth: 'client_secret_basic' })
    expect(of(before, 'upstream.credentials')).toMatchObject({ status: 'fail' })
  })

  test('a revocation that ends nothing is contradicted', async () => {
    const row: Row = {
      ...google,
      profile: {
        ...google.profile,
        revoke: undefined as never,
        routes: { [`POST ${google.profile.revoke!.url}`]: () => ({ status: 200 }) },
      },
    }
    const { findings } = await examineImitated(row)
    expect(of(findings, 'sign-in.revocation')).toMatchObject({
      status: 'fail',
      seen: '200, but the refresh token still works',
    })
  })

  test('a clock that is wrong is named', async () => {
    const imitation = await startImitation(google.profile, CLIENT)
    const late = async (url: string, init?: RequestInit) => {
      const response = await imitation.fetch(url, init)
      const headers = new Headers(response.headers)
      headers.set('date', new Date(Date.now() + 400_000).toUTCString())
      return new Response(await response.text(), { status: response.status, headers })
    }
    try {
      const findings = await findWithoutUser(google.provider, { ...portsOf(imitation), fetch: late })
      expect(of(findings, 'provider.clock')).toMatchObject({ status: 'fail' })
      expect(of(findings, 'provider.clock')?.seen).toMatch(/^\S+ is (399|400) s ahead of this machine$/)
    } finally {
      await imitation.close()
    }
  })

  test('a sign-in that is declined is told by its reason, without the words of the provider', async () => {
    const imitation = await startImitation(google.profile, CLIENT)
    try {
      const { findings } = await findBySignIn(google.provider, {
        fetch: imitation.fetch,
        callback: CLIENT.redirectUri,
        answer: (address) => answerOf(imitation, address, 'nobody'),
        mayReuse: async () => false,
      })
      expect(findings).toHaveLength(1)
      expect(findings[0]).toMatchObject({ status: 'fail', seen: 'provider-error: access_denied' })
    } finally {
      await imitation.close()
    }
  })
})

test('words that replace a secret are not searched for another', () => {
  const finding: Finding = { id: 'a', title: 'A', status: 'ok', seen: 'sec and client.id+1 and the client' }
  const [clean] = scrub(
    [finding],
    new Map([
      ['sec', '<client secret>'],
      ['client.id+1', '<secret id>'],
      ['client', '<client id>'],
    ]),
  )
  expect(clean).toMatchObject({ seen: '<client secret> and <secret id> and the <client id>' })
})

test('a report has no text that it may not contain, in any encoding of URLs', () => {
  const finding: Finding = {
    id: 'a',
    title: 'A',
    status: 'ok',
    seen: 'x secret/1 y secret%2F1 z',
    fix: 'secret/1',
  }
  const [clean] = scrub([finding], new Map([['secret/1', '<it>']]))
  expect(clean).toMatchObject({ seen: 'x <it> y <it> z', fix: '<it>' })
})
