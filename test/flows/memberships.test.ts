import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseOptions } from '../../src/options/schema.ts'
import { ROWS, type Row } from '../providers/rows.ts'
import { type ImitatedSystem, signInImitated, startImitated } from '../support/imitation/system.ts'
import { register } from '../support/system.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

const API = 'https://api.github.com'
/** A hundred organisations fill the first page: the one that counts may be on the second. */
const MANY = Array.from({ length: 100 }, (_, index) => ({ login: `other-${index}` }))
const pages =
  (...all: unknown[][]) =>
  (_person: unknown, { query }: { query: URLSearchParams }) => ({
    body: all[Number(query.get('page') ?? 1) - 1] ?? [],
  })

async function start(name: string, allow: string[], api: Row['profile']['api'] = {}) {
  const { provider, profile } = rowOf(name)
  const system = await startImitated(provider, { ...profile, api: { ...profile.api, ...api } }, { allow })
  systems.push(system)
  return system
}

/** Whether somebody got in; where not, that it was said as it should be. */
async function getsIn(system: ImitatedSystem): Promise<boolean> {
  const { last } = await signInImitated(system, await register(system)).catch(() => ({ last: '' }))
  const away = system.events.find(({ type }) => type === 'turned-away')
  const stored = system.store.dump().includes('grant:')
  expect(stored).toBe(away === undefined)
  if (!away) return String(last).includes('code=')
  expect(away).toMatchObject({ reason: 'not-in-allow', user: expect.any(String) })
  expect(system.answers.join()).toContain('this account may not use this server')
  await vi.waitFor(() => expect(system.imitation.asked).toContain('revoke'))
  return false
}

describe('GitHub', () => {
  const github = {
    [`GET ${API}/user/orgs`]: pages(MANY, [{ login: 'Acme' }]),
    [`GET ${API}/user/teams`]: pages([{ slug: 'platform', organization: { login: 'Acme' } }]),
  }
  const asked = ({ imitation }: ImitatedSystem) =>
    imitation.seen.find(({ url }) => url === imitation.profile.authorize)?.query.get('scope')

  test.each<[string, string, boolean]>([
    ['a member of the organisation', 'org:acme', true],
    ['a member of the team', 'team:acme/Platform', true],
    ['a member of another organisation', 'org:acme-two', false],
    ['a member of the organisation, but not of the team', 'team:acme/security', false],
    ['a member of a team of that name elsewhere', 'team:other-1/platform', false],
  ])('%s: %s lets in: %s', async (_name, rule, expected) => {
    const system = await start('github', [rule], github)
    expect(await getsIn(system)).toBe(expected)
    expect(asked(system)).toBe('read:user user:email read:org')
  })

  test('lets nobody in where it does not say', async () => {
    const silent = { status: 403, body: { message: 'Resource protected by organization SAML enforcement' } }
    const system = await start('github', ['org:acme'], {
      [`GET ${API}/user/orgs`]: () => silent,
      [`GET ${API}/user/teams`]: () => silent,
    })
    expect(await getsIn(system)).toBe(false)
  })

  test('is not asked where no rule needs it', async () => {
    const system = await start('github', ['@example.com'])
    expect(await getsIn(system)).toBe(true)
    expect(asked(system)).toBe('read:user user:email')
    expect(system.imitation.complaints).toEqual([])
  })

  test('takes no scope for it from an app that has permissions instead', async () => {
    const system = await start('github-app', ['org:acme'], github)
    expect(await getsIn(system)).toBe(true)
    expect(asked(system)).toBeNull()
  })
})

test.each<[string, string, boolean]>([
  ['org:acme', 'a group', true],
  ['team:acme/platform', 'a group below it', true],
  ['team:acme/platform/core', 'one below that', true],
  ['org:tools', 'one whose parent alone is named so', false],
  ['team:acme/other', 'another', false],
])('GitLab: %s is %s: %s', async (rule, _name, expected) => {
  const groups = ['acme', 'acme/platform', 'acme/platform/core', 'tools/secret']
  const system = await start('gitlab', [rule], {
    'GET https://gitlab.com/oauth/userinfo': ({ id }) => ({ body: { sub: id, groups } }),
  })
  expect(await getsIn(system)).toBe(expected)
})

test.each([
  ['org:acme.example', 'acme.example', true],
  ['org:acme.example', 'other.example', false],
  ['org:acme.example', undefined, false],
])('Google: %s with the Workspace %s: %s', async (rule, hd, expected) => {
  const system = await start('google', [rule])
  system.imitation.ids.tamper = ({ claims }) => void (hd !== undefined && Object.assign(claims, { hd }))
  expect(await getsIn(system)).toBe(expected)
})

test.each(['team:acme', 'team:/x', 'team:acme/', 'org:', 'team:'])('%s is no rule', (rule) => {
  const { issues } = parseOptions({ allow: [rule] } as never)
  expect(issues.map(({ path }) => path)).toContain('allow.0')
})
