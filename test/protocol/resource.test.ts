import { describe, expect, test } from 'vitest'
import { assertResource, canonicalResource, chooseResource } from '../../src/protocol/resource.ts'

const invalidTarget = expect.objectContaining({ name: 'OAuthError', code: 'invalid_target', status: 400 })
const id = 'https://proxy.test/mcp'

const SAME = [
  id,
  'https://proxy.test/mcp/',
  'HTTPS://Proxy.TEST/mcp',
  'https://proxy.test:443/mcp',
  'https://proxy.test/mcp?session=1',
  'https://proxy.test/mcp/?a=1&b=2',
]

const NONE = [
  ['a fragment', `${id}#part`],
  ['an empty fragment', `${id}#`],
  ['a relative reference', '/mcp'],
  ['a host alone', 'proxy.test/mcp'],
  ['no text', ''],
  ['user information', 'https://user@proxy.test/mcp'],
  ['a password', 'https://:pass@proxy.test/mcp'],
  ['another scheme', 'urn:proxy.test:mcp'],
  ['a file', 'file:///mcp'],
  ['script', 'javascript:alert(1)'],
  ['over 2,048 characters', `${id}?${'a'.repeat(2048)}`],
] as const

const OTHER = [
  ['another path', 'https://proxy.test/other'],
  ['a longer path', 'https://proxy.test/mcp/tools'],
  ['two trailing slashes', 'https://proxy.test/mcp//'],
  ['the path in another case', 'https://proxy.test/MCP'],
  ['the origin', 'https://proxy.test'],
  ['another host', 'https://proxy.test.evil.com/mcp'],
  ['another port', 'https://proxy.test:8443/mcp'],
  ['http', 'http://proxy.test/mcp'],
] as const

test.each(SAME)('%s has one canonical form', (value) => {
  expect(canonicalResource(value)).toBe(id)
})

test('the root has no trailing slash, and a port that matters stays', () => {
  expect(canonicalResource('https://proxy.test/')).toBe('https://proxy.test')
  expect(canonicalResource('http://localhost:80/mcp')).toBe('http://localhost/mcp')
  expect(canonicalResource('http://localhost:8787/mcp')).toBe('http://localhost:8787/mcp')
})

test.each(NONE)('%s is no resource', (_name, value) => {
  expect(() => canonicalResource(value)).toThrow(invalidTarget)
})

interface Named {
  readonly id: string
}

describe('the resource of a request', () => {
  const resources: [Named, Named] = [{ id }, { id: 'https://proxy.test/second' }]

  test('is the first one where none is named', () => {
    expect(chooseResource([], resources)).toBe(resources[0])
  })

  test('is the one that is named, also in several spellings', () => {
    expect(chooseResource(['https://proxy.test/second/'], resources)).toBe(resources[1])
    expect(chooseResource(SAME, resources)).toBe(resources[0])
  })

  test.each(OTHER)('is not found by %s', (_name, value) => {
    expect(() => chooseResource([value], resources)).toThrow(invalidTarget)
  })

  test('is one only', () => {
    expect(() => chooseResource([id, 'https://proxy.test/second'], resources)).toThrow(invalidTarget)
    expect(() => chooseResource([id, 'https://other.test/'], resources)).toThrow(invalidTarget)
    expect(() => chooseResource([id, `${id}#part`], resources)).toThrow(invalidTarget)
  })
})

describe('a token request', () => {
  test('may leave the resource out or name the granted one', () => {
    expect(() => assertResource([], id)).not.toThrow()
    expect(() => assertResource(SAME, id)).not.toThrow()
  })

  test.each([...OTHER, ...NONE])('may not name %s', (_name, value) => {
    expect(() => assertResource([value], id)).toThrow(invalidTarget)
    expect(() => assertResource([id, value], id)).toThrow(invalidTarget)
  })
})
