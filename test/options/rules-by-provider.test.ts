import { ConfigError, createProxy, type Provider, type ProxyOptions } from 'lockgate'
import { auth0 } from 'lockgate/providers/auth0'
import { bitbucket } from 'lockgate/providers/bitbucket'
import { discord } from 'lockgate/providers/discord'
import { figma } from 'lockgate/providers/figma'
import { github } from 'lockgate/providers/github'
import { gitlab } from 'lockgate/providers/gitlab'
import { google } from 'lockgate/providers/google'
import { keycloak } from 'lockgate/providers/keycloak'
import { linear } from 'lockgate/providers/linear'
import { microsoft } from 'lockgate/providers/microsoft'
import { notion } from 'lockgate/providers/notion'
import { oidc } from 'lockgate/providers/oidc'
import { okta } from 'lockgate/providers/okta'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'
import { ROWS } from '../providers/rows.ts'

const application = { clientId: 'one', clientSecret: 'a secret' }
const GUID = '11111111-1111-4111-8111-111111111111'
const OTHER = GUID.replace('1', '2')
const realm = keycloak({ ...application, baseUrl: 'https://id.test', realm: 'staff' })
const entra = (tenant: string) => microsoft({ ...application, tenant })

const proxyOf = (upstream: Provider, allow: ProxyOptions['allow']) =>
  createProxy({
    url: 'https://mcp.test',
    secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
    storage: memory(),
    upstream,
    mcp: 'http://127.0.0.1:3000/mcp',
    allow,
  })

const warningsOf = (upstream: Provider, ...allow: string[]) => proxyOf(upstream, allow).warnings

describe('a rule that no user of the provider can meet is a warning that names the rule:', () => {
  test.each<[string, Provider, string]>([
    ['Google', google(application), 'group:x'],
    ['Google', google(application), 'team:a/b'],
    ['Google', google(application), 'org:acme'],
    ['Google', google(application), 'sub:ada'],
    ['Google of one Workspace', google({ ...application, hd: 'acme.com' }), 'org:acmeXcom'],
    ['Google of one Workspace', google({ ...application, hd: 'acme.com' }), 'org:other.com'],
    ['Microsoft', entra(GUID), 'org:acme'],
    ['Microsoft', entra(GUID), `org:${OTHER}`],
    ['Microsoft', entra(GUID), 'sub:ada'],
    ['Microsoft with many tenants', entra('organizations'), 'org:acme.com'],
    ['Discord', discord(application), 'group:x'],
    ['Discord', discord(application), 'team:a/b'],
    ['Discord', discord(application), 'org:acme'],
    ['GitHub', github(application), 'org:https://github.com/acme'],
    ['GitHub', github(application), 'org:github.com/acme'],
    ['GitHub', github(application), 'team:github.com/acme/platform'],
    ['GitHub', github(application), 'group:x'],
    ['GitHub', github(application), 'sub:octocat'],
    ['GitLab', gitlab(application), 'org:acme/platform'],
    ['Bitbucket', bitbucket(application), 'team:a/b'],
    ['Linear', linear(application), 'team:a/b'],
    ['Figma', figma(application), 'org:acme'],
    ['Notion', notion(application), 'org:acme'],
  ])('%s', (_name, upstream, rule) => {
    expect(warningsOf(upstream, rule)).toEqual([
      { path: 'allow.0', message: expect.stringMatching(/^matches no user: .+/) },
    ])
  })

  test.each<[string, Provider, string]>([
    ['Okta', okta({ ...application, domain: 'acme.okta.com' }), 'team:a/b'],
    ['Keycloak', realm, 'team:a/b'],
    ['Auth0', auth0({ ...application, domain: 'acme.auth0.com' }), 'team:a/b'],
    ['Microsoft', entra(GUID), 'team:a/b'],
  ])('under a condition, if there is one: %s', (_name, upstream, rule) => {
    expect(warningsOf(upstream, rule)).toEqual([
      { path: 'allow.0', message: expect.stringMatching(/^matches users of .+ only if .+/) },
    ])
  })
})

describe('no rule that users can meet is warned of:', () => {
  test.each(
    ROWS.flatMap(({ name, provider, groups }) => (groups ? [[name, provider, groups.in] as const] : [])),
  )('%s', (_name, provider, rule) => {
    const told = warningsOf(provider, rule)
    // A team by a group with a slash works, and is a warning all the same.
    expect(told.filter(({ message }) => message.startsWith('matches no user'))).toEqual([])
  })

  test.each<[string, Provider, string]>([
    ['an organization of GitHub', github(application), 'org:Acme-1'],
    ['a team of GitHub', github(application), 'team:acme/platform'],
    ['an id of GitHub', github(application), 'sub:583231'],
    ['a Workspace', google({ ...application, hd: '*' }), 'org:Acme.com'],
    ['the Workspace', google({ ...application, hd: 'acme.com' }), 'org:Acme.com'],
    ['the directory', entra(GUID), `org:${GUID.toUpperCase()}`],
    ['a directory by its domain', entra('acme.com'), `org:${GUID}`],
    ['a path of GitLab', gitlab(application), 'team:acme/platform/core'],
    ['any rule of one’s own provider', oidc({ ...application, issuer: 'https://id.test' }), 'team:a/b'],
    ['groups that the operator names', google({ ...application, groupsClaim: 'staff' }), 'group:x'],
    [
      'an identity that the operator replaced',
      google({ ...application, overrides: { identity: { subject: 'sub', orgs: ['team'] } } }),
      'org:acme',
    ],
  ])('%s', (_name, upstream, rule) => {
    expect(warningsOf(upstream, rule)).toEqual([])
  })
})

test('every definition but `oidc` and `oauth2` says which rules its users can meet', () => {
  const silent = ROWS.filter(({ provider }) => provider.rules === undefined).map(({ name }) => name)
  expect(silent.filter((name) => !/^(oidc|oauth2)\b/.test(name))).toEqual([])
})

describe('quotation marks around a rule', () => {
  const issuesOf = (rule: string): unknown => {
    try {
      proxyOf(realm, [rule])
      return []
    } catch (error) {
      return error instanceof ConfigError ? error.issues : error
    }
  }

  test.each([
    '"@example.com"',
    "'@example.com'",
    '“@example.com”',
    '`@example.com`',
    '"ada@example.com"',
    '"ada@example.com',
    'ada@example.com"',
    '"group:staff"',
    '"keycloak/group:staff"',
  ])('are refused with the advice to remove them: %s', (rule) => {
    expect(issuesOf(rule)).toEqual([
      { path: 'allow.0', message: expect.stringMatching(/quotation marks.*remove them/) },
    ])
  })

  test.each(['"ada"@example.com', 'group:the "A" team', 'group:"staff"', "o'hara@example.com"])(
    'are allowed within it: %s',
    (rule) => {
      expect(issuesOf(rule)).toEqual([])
    },
  )
})
