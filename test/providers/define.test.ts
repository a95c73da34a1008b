import { readdirSync, readFileSync } from 'node:fs'
import { type Credentials, defineProvider, host, type ProviderFactory } from 'lockgate/providers/define'
import { describe, expect, test } from 'vitest'
import { PROVIDERS, readUpstream, upstreamVariable } from '../../adapters/cli/configuration/providers.ts'
import packageJson from '../../package.json' with { type: 'json' }
import type { Input } from '../../src/providers/parts/inputs.ts'
import { callServer, connectImitated, startImitated } from '../support/imitation/system.ts'
import { faultsOf } from '../support/provider-faults.ts'
import { ROWS } from './rows.ts'
import { COMMAND, FOLLOWING } from './write-table.ts'

const root = new URL('../..', import.meta.url).pathname
const names = readdirSync(`${root}src/providers`)
  .filter((file) => file.endsWith('.ts') && !['provider.ts', 'define.ts', 'dev.ts'].includes(file))
  .map((file) => file.slice(0, -3))

const load = async (name: string) => (await PROVIDERS[name]!()) as ProviderFactory
const credentials: Credentials = { clientId: 'client', clientSecret: 'secret' }

test('at least thirty-three providers, each with a subpath and a name on the command line', () => {
  expect(names.length).toBeGreaterThanOrEqual(33)
  expect(Object.keys(PROVIDERS).sort()).toEqual([...names].sort())
  for (const name of [...names, 'define']) expect(packageJson.exports).toHaveProperty([`./providers/${name}`])
})

describe.each(names)('%s', (name) => {
  test('says where it is documented, when that was looked at, and how sure we are', async () => {
    const { definition } = await load(name)
    expect(definition.id).toBe(name)
    expect(definition.docs).toMatch(/^https:\/\//)
    expect(definition.verified).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(readFileSync(`${root}src/providers/${name}.ts`, 'utf8')).toContain(`(${definition.docs})`)
  })

  test('says what it needs where that is missing', async () => {
    const factory = await load(name)
    const { inputs = {}, secret } = factory.definition
    const required = Object.entries(inputs as Record<string, Input>).filter(([, input]) => input.required)
    const faults = faultsOf(factory({} as never))
    for (const [input] of [['clientId'], ...required, ...(secret === 'required' ? [['clientSecret']] : [])])
      expect(faults).toContain(`${input}: is required`)
    const error = (await readUpstream({ LOCKGATE_UPSTREAM: name }).catch((reason: Error) => reason)) as Error
    for (const [input] of [['clientId'], ...required])
      expect(error.message).toContain(`${upstreamVariable(input!)}: is missing`)
  })

  test('makes no URL of a wrong input, and quotes it nowhere', async () => {
    const factory = await load(name)
    const inputs = Object.entries((factory.definition.inputs ?? {}) as Record<string, Input>)
    const free = ['name', 'audience', 'scopeSeparator', 'pkce', 'identity']
    for (const [input] of inputs.filter(([one]) => !free.includes(one))) {
      for (const wrong of [
        '',
        'a/../b',
        'evil.example/',
        'a b',
        'x@evil.example',
        '//evil.example',
        'javascript:1',
        'a?b',
        'a#b',
        '..',
        'http://evil.example',
        'https://u:p@evil.example',
        'https://a.example?x=1',
        'a\nb',
        7,
      ]) {
        const faults = faultsOf(factory({ ...credentials, [input]: wrong } as never))
        expect(faults, `${input} ${wrong}`).toMatch(new RegExp(`^${input}: (expected|is required)`, 'm'))
        expect(faults).not.toContain('evil')
      }
    }
  })
})

test('on the command line, a wrong value is named by its variable and not quoted', async () => {
  const env = {
    LOCKGATE_UPSTREAM: 'microsoft',
    LOCKGATE_UPSTREAM_CLIENT_ID: 'client',
    LOCKGATE_UPSTREAM_TENANT: 'a/../canary',
    LOCKGATE_UPSTREAM_TENANTS: 'canary',
  }
  const { message } = (await readUpstream(env).catch((error: Error) => error)) as Error
  expect(message).toMatch(/^LOCKGATE_UPSTREAM_TENANT: expected a tenant/m)
  expect(message).toMatch(/^LOCKGATE_UPSTREAM_TENANTS: expected a GUID/m)
  expect(message).not.toContain('canary')
  const right = { ...env, LOCKGATE_UPSTREAM_TENANT: 'common', LOCKGATE_UPSTREAM_TENANTS: '' }
  expect(await readUpstream(right)).toMatchObject({ id: 'microsoft', clientAuth: 'none' })
})

describe('a definition', () => {
  const parts = {
    endpoints: { authorization: 'https://acme.example/authorize', token: 'https://acme.example/token' },
  }
  const facts = {
    id: 'acme',
    name: 'Acme',
    docs: 'https://acme.example',
    verified: '2026-11-22',
    confidence: 'low',
  } as const

  test('may have no endpoint that is not https', () => {
    for (const token of [
      'http://acme.example/token',
      'ftp://acme.example',
      'acme.example',
      'https://u:p@acme.example',
    ]) {
      const acme = defineProvider({
        ...facts,
        secret: 'none',
        parts: { endpoints: { ...parts.endpoints, token } },
      })
      expect(faultsOf(acme({ clientId: 'c' }))).toMatch(/^(issuer|endpoints\.token): expected an https URL$/)
    }
  })

  test('has to say where to sign in, or where that is said', () => {
    const acme = defineProvider({ ...facts, secret: 'none', parts: { issuer: 'https://acme.example' } })
    const faults = faultsOf(acme({ clientId: 'c' }))
    expect(faults).toBe('endpoints: expected an authorization and a token endpoint')
  })

  test('without an issuer does not compare one, and is known by the origin of its token endpoint', () => {
    const acme = defineProvider({ ...facts, secret: 'none', parts })
    expect(acme({ clientId: 'c' })).toMatchObject({
      issuer: 'https://acme.example',
      callbackIssuer: 'ignore',
    })
  })

  test('with ID tokens compares the issuer, whatever anybody says', () => {
    const acme = defineProvider({ ...facts, secret: 'none', parts: { ...parts, callbackIssuer: 'ignore' } })
    expect(acme({ clientId: 'c', scopes: ['openid'] }).callbackIssuer).toBe('enforce')
    const overrides = { callbackIssuer: 'ignore' } as const
    expect(acme({ clientId: 'c', scopes: ['openid'], overrides }).callbackIssuer).toBe('enforce')
  })

  test('can be put right by its user, part by part', () => {
    const acme = defineProvider({ ...facts, secret: 'none', inputs: { host }, parts: () => parts })
    const provider = acme({
      clientId: 'c',
      host: 'a.example',
      overrides: { pkce: false, scopeSeparator: ',' },
    })
    expect(provider).toMatchObject({ pkce: false, scopeSeparator: ',', scopeParam: 'scope' })
    const overrides = { endpoints: { token: 'http://a.example' } }
    expect(faultsOf(acme({ clientId: 'c', host: 'a.example', overrides }))).toContain('expected an https URL')
  })

  test('a public client proves nothing', () => {
    const acme = defineProvider({
      ...facts,
      secret: 'optional',
      parts: { ...parts, clientAuth: 'client_secret_post' },
    })
    expect(acme({ clientId: 'c' }).clientAuth).toBe('none')
    expect(acme({ clientId: 'c', clientSecret: 's' }).clientAuth).toBe('client_secret_post')
  })
})

test('CONTRIBUTING: a provider written as it says signs somebody in', async () => {
  const text = readFileSync(`${root}CONTRIBUTING.md`, 'utf8')
  const code = /```ts\n(\/\/ src\/providers\/acme\.ts[\s\S]*?)```/.exec(text)?.[1] ?? ''
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(30)
  const body = code.replace(/^import .*$/gm, '').replace(/export const acme[^=]*=/, 'return')
  const acme = new Function('defineProvider', body)(defineProvider) as ProviderFactory<'required'>
  const provider = acme({ clientId: 'client-1.of_the.tests', clientSecret: 'a-secret_with.odd~signs:/=' })
  const system = await startImitated(provider, {
    sources: { tokens: 'CONTRIBUTING.md', errors: 'CONTRIBUTING.md', identity: 'CONTRIBUTING.md' },
    authorize: 'https://acme.example/oauth/authorize',
    token: 'https://acme.example/oauth/token',
    auth: 'basic',
    pkce: 'required',
    refreshes: 'rotates',
    iss: 'https://acme.example',
    api: {
      'GET https://acme.example/api/me': ({ id, email, name }) => ({ body: { data: { id, email, name } } }),
    },
  })
  const { tokens } = await connectImitated(system)
  expect((await callServer(system, tokens.access_token)).user).toMatchObject({
    email: 'ada@example.com',
    name: 'Name of ada',
  })
  expect(system.imitation.complaints).toEqual([])
  await system.close()
})

test('every row names the source of each part, or calls it assumed', () => {
  for (const { name, profile } of ROWS) {
    for (const source of Object.values(profile.sources))
      expect(source, name).toMatch(/^(https:\/\/|assumed|[\w-]+\/[\w.-]+: |Keycloak)/)
    for (const { source } of profile.refusals ?? []) expect(source, name).not.toBe('')
    // A document that was captured is served as it is.
    if (profile.openid?.document) expect(profile.sources.documents, name).not.toMatch(/^assumed/)
  }
})

test.each(FOLLOWING)(`%s follows from the providers; if not, run: ${COMMAND}`, async (file, write) => {
  const text = readFileSync(`${root}${file}`, 'utf8')
  expect(text === (await write(text)), `${file} is stale. Run: ${COMMAND}`).toBe(true)
})
