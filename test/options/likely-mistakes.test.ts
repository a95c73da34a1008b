import { ConfigError, createProxy, type ProxyOptions } from 'lockgate'
import { auth0 } from 'lockgate/providers/auth0'
import { authentik } from 'lockgate/providers/authentik'
import { dev } from 'lockgate/providers/dev'
import { github } from 'lockgate/providers/github'
import { githubEnterprise } from 'lockgate/providers/github-enterprise'
import { gitlab } from 'lockgate/providers/gitlab'
import { keycloak } from 'lockgate/providers/keycloak'
import { okta } from 'lockgate/providers/okta'
import { salesforce } from 'lockgate/providers/salesforce'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'
import { readUpstream } from '../../adapters/cli/configuration/providers.ts'
import { type Answers, readAnswers } from '../../adapters/cli/init/answers.ts'
import { nextSteps } from '../../adapters/cli/init/next-steps.ts'
import { unmetOf } from '../../adapters/cli/init/rules.ts'

const application = { clientId: 'one', clientSecret: 'a secret' }

const proxyOf = (options: Partial<ProxyOptions>) =>
  createProxy({
    url: 'https://mcp.test',
    secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
    storage: memory(),
    upstream: github(application),
    allow: ['ada@example.com'],
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

describe('`url`', () => {
  test.each(['callback', 'authorize', 'token', 'register', 'callback/'])(
    'that ends in an endpoint is a warning: /%s',
    (path) => {
      const { warnings } = proxyOf({ url: `https://mcp.test/${path}` })
      expect(warnings).toEqual([
        { path: 'url', message: expect.stringContaining(`remove /${path.replace('/', '')}`) },
      ])
    },
  )

  test('that is the address of a metadata document is refused', () => {
    expect(issuesOf({ url: 'https://mcp.test/.well-known/oauth-authorization-server' })).toEqual([
      expect.stringMatching(/^url: .*remove the part from/),
    ])
  })

  test.each(['', '/', '/gateway', '/tokens'])('may have another path: %s', (path) => {
    expect(proxyOf({ url: `https://mcp.test${path}` }).warnings).toEqual([])
  })
})

describe('an MCP server that is this proxy itself is a warning:', () => {
  test.each([
    ['http://localhost:8787', 'http://localhost:8787/mcp'],
    ['http://localhost:8787', 'http://127.0.0.1:8787/mcp/'],
    ['http://localhost:8787', 'http://localhost:8787'],
    ['https://mcp.test/gateway', 'https://mcp.test/gateway'],
  ])('%s in front of %s', (url, mcp) => {
    expect(proxyOf({ url, mcp }).warnings).toEqual([
      { path: 'mcp.0.url', message: expect.stringContaining('name the MCP server behind it') },
    ])
  })

  test.each([
    ['http://localhost:8787', 'http://localhost:3000/mcp'],
    ['https://mcp.test', 'https://inner.test/mcp'],
  ])('and others are none: %s in front of %s', (url, mcp) => {
    expect(proxyOf({ url, mcp }).warnings).toEqual([])
  })
})

describe('credentials of the application', () => {
  test.each(['"abc"', "'abc'", '“abc”', '`abc`'])('in quotation marks are refused: %s', (value) => {
    expect(issuesOf({ upstream: github({ clientId: value, clientSecret: value }) })).toEqual([
      expect.stringMatching(/^upstream\.clientId: .*quotation marks.*remove them/),
      expect.stringMatching(/^upstream\.clientSecret: .*quotation marks.*remove them/),
    ])
  })

  test.each(['…', 'Ov23…', '...', '<client id>'])('that are placeholders are refused: %s', (value) => {
    expect(issuesOf({ upstream: github({ clientId: value, clientSecret: value }) })).toEqual([
      expect.stringMatching(/^upstream\.clientId: is a placeholder/),
      expect.stringMatching(/^upstream\.clientSecret: is a placeholder/),
    ])
  })

  test.each(['a"b', '"a', 'ü:+%', 'a...b', 'a<b>'])('may have such characters: %s', (value) => {
    expect(issuesOf({ upstream: github({ clientId: 'one', clientSecret: value }) })).toEqual([])
  })
})

describe('an address of the provider with a part too many is refused, and the part is named:', () => {
  test.each<[string, ProxyOptions['upstream'], RegExp]>([
    [
      'Keycloak',
      keycloak({ ...application, baseUrl: 'https://id.test/realms/main', realm: 'main' }),
      /realms/,
    ],
    [
      'Keycloak',
      keycloak({ ...application, baseUrl: 'https://id.test/auth/realms/', realm: 'main' }),
      /realms/,
    ],
    ['Keycloak', keycloak({ ...application, baseUrl: 'https://id.test/admin/main', realm: 'main' }), /admin/],
    ['Okta', okta({ ...application, domain: 'acme-admin.okta.com' }), /-admin/],
    [
      'authentik',
      authentik({ ...application, baseUrl: 'https://id.test/application/o/x', application: 'x' }),
      /application/,
    ],
    ['Auth0', auth0({ ...application, domain: 'manage.auth0.com' }), /tenant/],
    ['GitHub Enterprise', githubEnterprise({ ...application, baseUrl: 'https://git.test/api/v3' }), /api/],
    ['GitLab', gitlab({ ...application, baseUrl: 'https://git.test/oauth/authorize' }), /oauth/],
    ['Salesforce', salesforce({ ...application, host: 'acme.lightning.force.com' }), /my\.salesforce\.com/],
  ])('%s', (_name, upstream, part) => {
    const issues = issuesOf({ upstream })
    expect(issues).toHaveLength(1)
    expect(issues[0]).toMatch(part)
  })

  test.each<[string, ProxyOptions['upstream']]>([
    ['Keycloak', keycloak({ ...application, baseUrl: 'https://id.test/auth', realm: 'main' })],
    ['Okta', okta({ ...application, domain: 'acme.okta.com' })],
    ['GitLab', gitlab({ ...application, baseUrl: 'https://id.test/gitlab' })],
  ])('and other addresses are not: %s', (_name, upstream) => {
    expect(issuesOf({ upstream })).toEqual([])
  })
})

describe('a function that makes a provider, and was not called,', () => {
  test.each<[string, unknown]>([
    ['github', github],
    ['keycloak', keycloak],
    ['dev', dev],
  ])('is refused as `upstream`, by its name: %s', (name, upstream) => {
    expect(issuesOf({ upstream: upstream as ProxyOptions['upstream'] })).toEqual([
      expect.stringMatching(new RegExp(`^upstream: .*${name}.*call it`)),
    ])
  })

  test('is no other function', () => {
    expect(issuesOf({ upstream: () => github(application) })).toEqual([])
  })
})

describe('`init`', () => {
  test.each(['example.com', 'ada@example.com, example.com', '"@example.com"', 'group'])(
    'writes no rule of another form: %s',
    async (allow) => {
      const given = { provider: 'google', mcp: 'http://localhost:3000/mcp', url: 'https://mcp.test', allow }
      expect(await readAnswers(given)).toEqual([expect.stringMatching(/^--allow: .* is no rule: expected /)])
    },
  )

  test('names each rule that no user of the provider meets', () => {
    expect(unmetOf('@example.com, group:x', github(application))).toEqual([
      'group:x matches no user: GitHub sends no groups',
    ])
    expect(unmetOf('@example.com, org:acme', github(application))).toEqual([])
    expect(unmetOf('', github(application))).toEqual([])
  })

  test('tells the operator of such a rule among the next steps', async () => {
    const given = { provider: 'google', mcp: 'http://localhost:3000/mcp', url: 'https://mcp.test' }
    const answers = await readAnswers(given)
    if (Array.isArray(answers)) throw new Error(answers.join())
    const about = { written: ['.env'], variables: [], secrets: '.env', anyone: false }
    expect(nextSteps(answers as Answers, { ...about, unmet: ['group:x matches no user: …'] })).toMatch(
      /Correct who may sign in:\s+group:x matches no user/,
    )
  })
})

describe('LOCKGATE_UPSTREAM', () => {
  test.each([
    ['entra', 'microsoft'],
    ['azure', 'microsoft'],
    ['Azure AD', 'microsoft'],
    ['aws', 'cognito'],
    ['gsuite', 'google'],
    ['jira', 'atlassian'],
    ['twitter', 'x'],
  ])('by another name of the provider suggests the right one: %s', async (name, meant) => {
    const message = `LOCKGATE_UPSTREAM: is not a provider; did you mean ${meant}?`
    await expect(readUpstream({ LOCKGATE_UPSTREAM: name })).rejects.toMatchObject({ message })
  })

  test('says of a missing variable what it should hold', async () => {
    const env = { LOCKGATE_UPSTREAM: 'microsoft', LOCKGATE_UPSTREAM_CLIENT_ID: 'one' }
    await expect(readUpstream(env)).rejects.toThrow(
      /LOCKGATE_UPSTREAM_TENANT: is missing; expected a tenant: its GUID/,
    )
  })
})
