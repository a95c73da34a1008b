import { ConfigError, createProxy, type ProxyOptions } from 'lockgate'
import { hubspot } from 'lockgate/providers/hubspot'
import { microsoft } from 'lockgate/providers/microsoft'
import { notion } from 'lockgate/providers/notion'
import { oauth2 } from 'lockgate/providers/oauth2'
import { slack } from 'lockgate/providers/slack'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'

const application = { clientId: 'one', clientSecret: 'a secret' }
const GUID = '11111111-1111-4111-8111-111111111111'
const entra = (tenant: string, tenants?: string[]) => microsoft({ ...application, tenant, tenants })
const own = oauth2({
  ...application,
  name: 'Desk',
  authorizationEndpoint: 'https://login.test/authorize',
  tokenEndpoint: 'https://login.test/token',
  userinfoEndpoint: 'https://login.test/me',
  identity: { subject: 'id', tenant: 'account', orgs: ['teams'] },
})

const proxyOf = (options: Partial<ProxyOptions>) =>
  createProxy({
    url: 'https://mcp.test',
    secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
    storage: memory(),
    upstream: entra('organizations'),
    mcp: 'http://127.0.0.1:3000/mcp',
    ...options,
  })

function issuesOf(options: Partial<ProxyOptions>): string[] {
  try {
    proxyOf(options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map(({ path, message }) => `${path}: ${message}`)
  }
}

describe('a rule by group or subject, where users of many tenants can sign in,', () => {
  test.each<[string, ProxyOptions['upstream'], string]>([
    ['any organization of Microsoft', entra('organizations'), 'group:McpUser'],
    ['any account of Microsoft', entra('common'), 'sub:7'],
    ['several directories', entra('organizations', [GUID, GUID.replace('1', '2')]), 'group:McpUser'],
    ['a provider with tenants by its options', own, 'sub:7'],
    ['organizations within tenants', own, 'org:acme'],
    ['teams within tenants', own, 'team:acme/a'],
    ['Slack', slack(application), 'sub:U1'],
    ['HubSpot', hubspot(application), 'sub:7'],
    ['Notion', notion(application), 'sub:7'],
    ['one of several providers', [own, entra('common')], 'microsoft/group:McpUser'],
  ])('is refused without the tenant: %s', (_name, upstream, rule) => {
    const issues = issuesOf({ upstream, allow: ['@example.com', rule] })
    expect(issues).toHaveLength(1)
    expect(issues[0]).toMatch(/^allow\.1: means different users in each tenant of .*tenant:<id>\//)
    const named = rule.includes('/group') ? rule.replace('/', `/tenant:${GUID}/`) : `tenant:${GUID}/${rule}`
    expect(issuesOf({ upstream, allow: [named] })).toEqual([])
  })

  test.each<[string, ProxyOptions['upstream'], string]>([
    ['one directory', entra(GUID), 'group:McpUser'],
    ['one directory of several', entra('organizations', [GUID]), 'group:McpUser'],
    ['a directory by its domain', entra('acme.test'), 'sub:7'],
    ['an organization that is the tenant', entra('organizations'), `org:${GUID}`],
    ['a workspace', slack(application), 'org:T1'],
    ['an address', entra('common'), 'ada@example.com'],
  ])('is not needed with the tenant for %s', (_name, upstream, rule) => {
    expect(issuesOf({ upstream, allow: [rule] })).toEqual([])
  })

  test.each([
    'tenant:/group:x',
    'tenant:a',
    'tenant:a/',
    'tenant:a b/group:x',
    'tenant:a/team:x',
    'tenant:a/b/group:x',
  ])('has to be well formed: %s', (rule) => {
    expect(issuesOf({ allow: [rule] })).toHaveLength(1)
  })
})

describe('the warnings of a proxy', () => {
  const at = (...urls: string[]): ProxyOptions['mcp'] =>
    urls.map((url, index) => ({ path: `/s${index}`, url }))

  test.each<[string, string[], string[]]>([
    ['below', ['http://n.test/wiki', 'http://n.test/wiki/x'], ['mcp.1.url']],
    ['above', ['http://n.test/wiki/x', 'http://n.test/wiki'], ['mcp.0.url']],
    ['below the root', ['http://n.test', 'http://n.test/x'], ['mcp.1.url']],
    ['the same', ['http://n.test/x', 'http://n.test/x/'], ['mcp.1.url']],
    ['below in another case', ['http://n.test/Wiki', 'http://n.test/wiki/x'], ['mcp.1.url']],
    [
      'below, by another name of this machine',
      ['http://localhost:1/a', 'http://127.0.0.1:1/a/b'],
      ['mcp.1.url'],
    ],
    ['a neighbour', ['http://n.test/wiki', 'http://n.test/wikis'], []],
    ['at another port', ['http://n.test:1/wiki', 'http://n.test:2/wiki/x'], []],
    ['at another host', ['http://n.test/wiki', 'http://m.test/wiki/x'], []],
  ])('name servers whose targets overlap: %s', (_name, urls, paths) => {
    const { warnings } = proxyOf({ mcp: at(...urls), allow: [`org:${GUID}`] })
    expect(warnings.map(({ path }) => path)).toEqual(paths)
    for (const { message } of warnings) expect(message).toMatch(/lies (at|below) the address behind \/s\d/)
  })

  test('name rules that no user can meet, without a part of an address', () => {
    const { warnings } = proxyOf({ upstream: slack(application), allow: ['bob@example.com', 'org:T1'] })
    expect(warnings).toEqual([
      { path: 'allow.0', message: 'matches no user: Slack does not say that an address is verified' },
    ])
  })

  test('are none for usual options', () => {
    expect(proxyOf({ allow: [`org:${GUID}`] }).warnings).toEqual([])
    expect(proxyOf({ upstream: () => undefined, allow: () => true }).warnings).toEqual([])
  })
})
