import { auth0 } from 'lockgate/providers/auth0'
import { google } from 'lockgate/providers/google'
import { microsoft } from 'lockgate/providers/microsoft'
import { oidc } from 'lockgate/providers/oidc'
import { slack } from 'lockgate/providers/slack'
import { afterEach, describe, expect, test } from 'vitest'
import { namesAt } from '../../src/providers/parts/memberships.ts'
import { unmetRules } from '../../src/upstream/unmet-rules.ts'
import { CLIENT, type ImitatedSystem, signInImitated, startImitated } from '../support/imitation/system.ts'
import { faultsOf } from '../support/provider-faults.ts'
import { register } from '../support/system.ts'
import { ROWS, type Row } from './rows.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const credentials = { clientId: CLIENT.id, clientSecret: CLIENT.secret }
const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

/** Signs in by rules and with claims of a test. @returns If the user got in, and the reason if not. */
async function signIn(
  name: string,
  allow: string[],
  claims: object,
  own: Partial<Pick<Row, 'provider' | 'profile'>> = {},
) {
  const { provider, profile } = { ...rowOf(name), ...own }
  const system = await startImitated(provider, profile, { allow })
  systems.push(system)
  system.imitation.ids.tamper = (draft) => void Object.assign(draft.claims, claims)
  const { last } = await signInImitated(system, await register(system)).catch(() => ({ last: '' }))
  const away = system.events.find(({ type }) => type === 'turned-away')
  return { isIn: String(last).includes('code='), detail: away?.detail, system }
}

describe('the names at a place', () => {
  test.each<[unknown, string, string[]]>([
    [{ groups: ['a', 'b', 'a'] }, 'groups', ['a', 'b']],
    [{ groups: 'a' }, 'groups', ['a']],
    [{ realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
    [{ 'https://acme.example/groups': ['a'] }, 'https://acme.example/groups', ['a']],
    [{ 'https://acme.example/groups': ['a'], 'https://b.example/groups': ['b'] }, '*/groups', ['a', 'b']],
    [{ 'http://acme.example/groups': ['a'], groups: ['b'] }, '*/groups', []],
    [{ tenants: { T1: { roles: [] }, T2: {} } }, 'tenants', ['T1', 'T2']],
    [{ teams: [{ name: 'a' }, { name: 'b' }] }, 'teams.name', ['a', 'b']],
    [{ teams: { nodes: [{ key: 'a' }] } }, 'teams.nodes.key', ['a']],
    [{ hub: 77 }, 'hub', ['77']],
    [{ hub: 2 ** 60 }, 'hub', []],
    [{ groups: [{ id: 'a' }, null, '', 7, 'b'] }, 'groups', ['7', 'b']],
    [{ groups: null }, 'groups', []],
    [null, 'groups', []],
    [{}, '__proto__', []],
    [{ a: [1] }, 'a.length', []],
  ])('%j at %s: %j', (value, pointer, expected) => {
    expect(namesAt(value, pointer)).toEqual(expected)
  })
})

describe('groups', () => {
  test.each([
    ['groups', { groups: ['staff'] }],
    ['realm_access.roles', { realm_access: { roles: ['staff'] } }],
    ['https://acme.example/claims/groups', { 'https://acme.example/claims/groups': ['staff'] }],
    ['cognito:groups', { 'cognito:groups': ['staff'] }],
    ['groups', { groups: 'staff' }],
    ['groups.name', { groups: [{ id: 7, name: 'staff' }, { id: 8 }] }],
    ['groups', { groups: { staff: { org: 'acme' } } }],
    ['resource_access.my.app.roles', { resource_access: { 'my.app': { roles: ['staff'] } } }],
    ['https://acme.example/claims.groups', { 'https://acme.example/claims': { groups: ['staff'] } }],
    ['a.b.c.d', { a: { b: {} }, 'a.b': { 'c.d': ['staff'] } }],
  ])('are read from the claim that `groupsClaim` names: %s', async (groupsClaim, claims) => {
    const provider = oidc({ ...credentials, issuer: 'https://id.example.com', groupsClaim })
    const { profile } = rowOf('oidc')
    const plain = {
      ...profile,
      openid: { ...profile.openid!, claims: ({ name }: { name: string }) => ({ name }) },
    }
    expect((await signIn('oidc', ['group:staff'], claims, { provider, profile: plain })).isIn).toBe(true)
    expect((await signIn('oidc', ['group:guests'], claims, { provider, profile: plain })).isIn).toBe(false)
  })

  test('may come from several claims', async () => {
    const provider = auth0({
      ...credentials,
      domain: 'contoso.eu.auth0.com',
      audience: 'https://api.contoso.example',
      groupsClaim: ['teams', 'https://contoso.example/roles'],
    })
    for (const rule of ['group:admin', 'group:core'])
      expect((await signIn('auth0', [rule], { teams: ['core'] }, { provider })).isIn).toBe(true)
  })

  test.each([['group:/staff/platform'], ['group:staff/platform'], ['group:staff'], ['group:mcp-user']])(
    'of Keycloak are matched by path, with and without the first slash, and so are realm roles: %s',
    async (rule) => {
      expect((await signIn('keycloak', [rule], {})).isIn).toBe(true)
    },
  )

  test.each(['group:platform', 'group:/platform', 'group:mcp'])(
    'of Keycloak are not matched by a part of the path: %s',
    async (rule) => {
      expect((await signIn('keycloak', [rule], {})).isIn).toBe(false)
    },
  )

  test('are requested from userinfo only if a rule needs them and the ID token has none', async () => {
    const { profile } = rowOf('oidc')
    const bare = {
      ...profile.openid!,
      claims: ({ name, email }: { name: string; email: string }) => ({ name, email, email_verified: true }),
    }
    const api = {
      'GET https://id.example.com/userinfo': ({ id }: { id: string }) => ({
        body: { sub: id, groups: ['staff'] },
      }),
    }
    const own = { profile: { ...profile, openid: bare, api } }
    const asked = (system: ImitatedSystem) => system.imitation.asked.filter((one) => one === 'api').length
    const needed = await signIn('oidc', ['group:staff'], {}, own)
    expect([needed.isIn, asked(needed.system)]).toEqual([true, 1])
    const not = await signIn('oidc', ['@example.com'], {}, own)
    expect([not.isIn, asked(not.system)]).toEqual([true, 0])
    const there = await signIn('oidc', ['group:staff'], { groups: ['staff'] }, own)
    expect([there.isIn, asked(there.system)]).toEqual([true, 0])
  })

  test('of another subject’s userinfo are not used', async () => {
    const { profile } = rowOf('oidc')
    const bare = { ...profile.openid!, claims: () => ({}) }
    const api = {
      'GET https://id.example.com/userinfo': () => ({ body: { sub: 'grace', groups: ['staff'] } }),
    }
    expect(
      (await signIn('oidc', ['group:staff'], {}, { profile: { ...profile, openid: bare, api } })).isIn,
    ).toBe(false)
  })

  test('a wrong `groupsClaim` is named', () => {
    for (const groupsClaim of ['', 7, ['a', '']])
      expect(
        faultsOf(oidc({ ...credentials, issuer: 'https://id.example.com', groupsClaim } as never)),
      ).toContain('groupsClaim: expected the name of a claim')
  })
})

describe('Google vouches for an address', () => {
  test.each<[string, object, boolean]>([
    ['of gmail.com', { email: 'bob@gmail.com' }, true],
    ['of googlemail.com', { email: 'bob@googlemail.com' }, true],
    ['of the Workspace', { email: 'bob@acme.test', hd: 'acme.test' }, true],
    ['of the Workspace, in capitals', { email: 'Bob@ACME.test', hd: 'Acme.Test' }, true],
    ['without a Workspace', { email: 'bob+x@acme.test' }, false],
    ['of another Workspace', { email: 'carol@acme.test', hd: 'evil.test' }, false],
    ['that is not verified', { email: 'bob@acme.test', hd: 'acme.test', email_verified: false }, false],
    ['of a domain below that of the Workspace', { email: 'bob@sub.acme.test', hd: 'acme.test' }, false],
  ])('%s: %j: %s', async (_name, claims, vouched) => {
    const { isIn } = await signIn(
      'google',
      ['@acme.test', '@gmail.com', '@googlemail.com', '@sub.acme.test'],
      {
        email_verified: true,
        ...claims,
      },
    )
    expect(isIn).toBe(vouched)
  })
})

describe('the event of a user who is turned away', () => {
  test.each<[string, string[], object, RegExp | undefined]>([
    ['has no address', ['@acme.test'], { email: undefined }, /sent no e-mail address/],
    ['has an unverified address', ['@acme.test'], { email_verified: false }, /does not vouch/],
    [
      'has too many groups',
      ['group:x'],
      { groups: undefined, _claim_names: { groups: 'src1' } },
      /_claim_names/,
    ],
    [
      'has too many groups in another form',
      ['group:x'],
      { groups: undefined, hasgroups: true },
      /_claim_names/,
    ],
    ['has no groups', ['group:x'], { groups: undefined }, /groupsClaim/],
    ['has no organizations', ['org:x'], {}, /no organizations/],
    ['is simply another user', ['group:x', '@acme.test'], {}, undefined],
  ])('explains why: the user %s', async (_name, allow, claims, detail) => {
    const { profile } = rowOf('oidc')
    const quiet = {
      ...profile,
      api: { 'GET https://id.example.com/userinfo': ({ id }: { id: string }) => ({ body: { sub: id } }) },
    }
    const result = await signIn('oidc', allow, claims, { profile: quiet })
    expect(result.isIn).toBe(false)
    if (detail) expect(result.detail).toMatch(detail)
    else expect(result.detail).toBeUndefined()
    expect(JSON.stringify(result.system.events)).not.toContain('example.com"')
  })
})

describe('a rule that no user can meet is a warning at start', () => {
  const entra = microsoft({ ...credentials, tenant: 'common' })
  const workspace = google({ ...credentials, hd: 'acme.test' })

  test.each<[string, string, Parameters<typeof unmetRules>[1], RegExp | undefined]>([
    ['an address at Microsoft', '@example.com', [entra], /Microsoft only if .*xms_edov/],
    [
      'an address at Slack',
      'bob@example.com',
      [slack(credentials)],
      /Slack does not say that an address is verified/,
    ],
    ['an address outside the Workspace', '@other.test', [workspace], /only users of acme.test/],
    ['an address of the Workspace', '@acme.test', [workspace], undefined],
    ['an address at one of two providers', '@example.com', [entra, google(credentials)], undefined],
    ['a group at Slack', 'group:staff', [slack(credentials)], /sends no groups/],
    ['an organization at Slack', 'org:T1', [slack(credentials)], undefined],
    ['a group at Microsoft', 'group:staff', [entra], undefined],
    ['a subject', 'sub:7f3c8f0e-5f0b-4c44-9f43-0c9a7d2f4b11', [entra], undefined],
    ['a subject in another form', 'sub:7', [entra], /in the form of a GUID/],
    ['a domain in other letters', '@bücher.test', [google(credentials)], /only ASCII .* `xn--`/],
    ['a domain without its @', 'example.com', [google(credentials)], /has an `@`/],
    ['a wildcard before a domain', '*@example.com', [google(credentials)], /is no wildcard; `@example.com`/],
    ['a wildcard in a domain', '@*.example.com', [google(credentials)], /is no wildcard/],
    ['a tenant where there is none', 'tenant:x/@example.com', [google(credentials)], /names no tenants/],
    ['a rule of the other provider', 'google/@example.com', [entra, google(credentials)], undefined],
    ['a rule of this provider', 'microsoft/@example.com', [entra, google(credentials)], /xms_edov/],
  ])('%s: %s', (_name, rule, providers, message) => {
    const warnings = unmetRules([rule], providers)
    if (!message) return expect(warnings).toEqual([])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]!.path).toBe('allow.0')
    expect(warnings[0]!.message).toMatch(message)
    // An address is personal data, and a start report may be public.
    expect(warnings[0]!.message).not.toContain('bob')
  })

  test('a function is not looked at', () => {
    expect(unmetRules(() => true, [entra])).toEqual([])
    expect(unmetRules(undefined, [entra])).toEqual([])
  })
})
