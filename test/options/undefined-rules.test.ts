import { type ConfigError, createProxy, exchange, type ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'

const URL_OF_MCP = 'http://127.0.0.1:3000/mcp'
const optionsOf = (options: object): ProxyOptions =>
  ({
    url: 'https://mcp.test',
    secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
    storage: memory(),
    upstream: oidc({ issuer: 'https://id.test', clientId: 'one', clientSecret: 'a secret' }),
    mcp: URL_OF_MCP,
    scopes: { read: 'Read', write: 'Write' },
    on: { event: () => {} },
    ...options,
  }) as ProxyOptions

function pathsOf(options: object): string[] {
  try {
    createProxy(optionsOf(options))
    return []
  } catch (error) {
    return (error as ConfigError).issues.map(({ path, message }) => `${path}: ${message}`)
  }
}

const warningsOf = (options: object) => createProxy(optionsOf(options)).warnings.map(({ path }) => path)

const mcp = (more: object) => ({ mcp: { url: URL_OF_MCP, ...more } })
const RULE = 'is present but `undefined`: remove it, or write a scope, a list of scopes, or `deny`'

describe('a rule without a value is refused by its path, and never left to a wider one', () => {
  test.each(['tools', 'prompts', 'resources', 'methods'])('in %s', (kind) => {
    const rules = { [kind]: { debug: undefined, '*': 'read' } }
    expect(pathsOf(mcp(rules))).toEqual([`mcp.${kind}.debug: ${RULE}`])
    expect(pathsOf({ mcp: [{ url: URL_OF_MCP }, { url: URL_OF_MCP, path: '/b', ...rules }] })).toEqual([
      `mcp.1.${kind}.debug: ${RULE}`,
    ])
  })

  const holes = (): unknown[] => {
    const list: unknown[] = ['read']
    list[2] = 'write'
    return list
  }
  test.each<[string, object, string]>([
    ['a list of needs', mcp({ tools: { a: ['read', undefined] } }), 'mcp.tools.a'],
    ['a list of needs with a hole', mcp({ tools: { a: holes() } }), 'mcp.tools.a'],
    ['a list that is one hole', mcp({ tools: { a: new Array(1) } }), 'mcp.tools.a'],
    ['the scopes of a server', mcp({ scopes: ['read', undefined] }), 'mcp.scopes.1'],
    ['the scopes of a server with a hole', mcp({ scopes: holes() }), 'mcp.scopes.1'],
    ['public tools', mcp({ public: { tools: [undefined] } }), 'mcp.public.tools.0'],
    ['allow', { allow: ['@example.com', undefined] }, 'allow.1'],
    ['hosts of documents', { clientDocuments: { hosts: [undefined] } }, 'clientDocuments.hosts.0'],
    [
      'the scopes of a client',
      { clients: [{ clientId: 'a', redirectUris: ['https://a.test/cb'], scopes: [undefined] }] },
      'clients.0.scopes.0',
    ],
    [
      'the needs of a scope',
      { scopes: { read: { description: 'Read', upstream: { oidc: undefined } } } },
      'scopes.read.upstream',
    ],
    [
      'the scopes of an exchange',
      mcp({ upstreamToken: exchange({ audience: 'api', scope: { read: undefined as never } }) }),
      'mcp.upstreamToken.scope.read',
    ],
  ])('in %s', (_, options, path) => {
    expect(pathsOf(options)).toEqual([expect.stringContaining(path)])
  })
})

describe('a bound that is present without a value counts as not set, and is a warning', () => {
  const client = { clientId: 'a', redirectUris: ['https://a.test/cb'] }
  const keys = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AA' }] }
  test.each<[string, object, string[]]>([
    [
      'the secret of a client',
      { clients: [{ ...client, clientSecret: undefined }] },
      ['clients.0.clientSecret'],
    ],
    [
      'that of the second one',
      { clients: [client, { ...client, clientId: 'b', jwksUri: undefined, scopes: undefined }] },
      ['clients.1.jwksUri', 'clients.1.scopes'],
    ],
    [
      'not the secret of a client with keys',
      { clients: [{ ...client, clientSecret: undefined, jwks: keys }] },
      [],
    ],
    ['not a member without a bound', { clients: [{ ...client, name: undefined }] }, []],
    ['not an option that is absent', { clients: [client] }, []],
    ['allow', { allow: undefined }, ['allow']],
    ['the policy of registrations', { registrationPolicy: undefined }, ['registrationPolicy']],
    ['hosts of documents', { clientDocuments: { hosts: undefined } }, ['clientDocuments.hosts']],
    ['rules', mcp({ tools: undefined, authorize: undefined }), ['mcp.tools', 'mcp.authorize']],
    ['rules in a list', { mcp: [{ url: URL_OF_MCP, scopes: undefined }] }, ['mcp.0.scopes']],
    [
      'the scopes of a key',
      { apiKeys: [{ name: 'k', keyHash: '0'.repeat(64), scopes: undefined }] },
      ['apiKeys.0.scopes'],
    ],
  ])('%s', (_, options, paths) => {
    expect(warningsOf(options)).toEqual(paths)
  })

  test('whose message says what to do', () => {
    expect(createProxy(optionsOf({ clients: [{ ...client, clientSecret: undefined }] })).warnings).toEqual([
      {
        path: 'clients.0.clientSecret',
        message: 'is present but `undefined`, so it counts as not set: give it a value, or remove it',
      },
    ])
  })
})
