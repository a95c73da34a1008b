import { describe, expect, test } from 'vitest'
import {
  assertResource,
  canonicalResource,
  chooseResource,
  findResource,
  resourceIds,
} from '../../src/protocol/resource.ts'

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
  ['a path that begins alike', 'https://proxy.test/mcp2'],
  ['two trailing slashes', 'https://proxy.test/mcp//'],
  ['an empty segment below', 'https://proxy.test/mcp//tools'],
  ['a path that leads out', 'https://proxy.test/mcp/../other'],
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

describe('an address below a resource', () => {
  const nested: [Named, Named, Named] = [{ id }, { id: `${id}/admin` }, { id: 'https://proxy.test/second' }]

  test.each([
    [`${id}/sse`, id],
    [`${id}/sse/`, id],
    [`${id}/a/b%20c`, id],
    [`${id}/admin`, `${id}/admin`],
    [`${id}/admin/`, `${id}/admin`],
    [`${id}/admin/tools`, `${id}/admin`],
    [`${id}/administrators`, id],
    [`${id}/x/../admin`, `${id}/admin`],
  ])('%s means %s', (value, found) => {
    expect(chooseResource([value], nested).id).toBe(found)
  })

  test('and the resource itself are two resources if another one lies between them', () => {
    expect(() => chooseResource([id, `${id}/admin`], nested)).toThrow(invalidTarget)
    expect(chooseResource([id, `${id}/sse`], nested).id).toBe(id)
  })
})

describe('an address above a resource', () => {
  const only = [{ id: 'https://proxy.test/base/mcp' }]

  test.each([
    'https://proxy.test',
    'https://proxy.test/',
    'https://proxy.test/base',
    'https://PROXY.test/base/',
  ])('%s means the only one', (value) => {
    expect(findResource(value, only)).toBe(only[0])
  })

  test.each([
    'https://proxy.test/bas',
    'https://proxy.test/other',
    'https://other.test',
    'http://proxy.test',
  ])('%s means none', (value) => {
    expect(findResource(value, only)).toBeUndefined()
  })

  test('means none of several', () => {
    expect(
      findResource('https://proxy.test', [...only, { id: 'https://proxy.test/base/more' }]),
    ).toBeUndefined()
  })
})

describe('a token request', () => {
  const resources = [{ id }, { id: 'https://proxy.test/second' }]
  const judge = (named: readonly string[]) => assertResource(resourceIds(named, resources), id)

  test('may leave the resource out, name the granted one or an address below it', () => {
    expect(() => judge([])).not.toThrow()
    expect(() => judge(SAME)).not.toThrow()
    expect(() => judge([`${id}/sse`])).not.toThrow()
  })

  test.each([...OTHER, ...NONE, ['another resource', 'https://proxy.test/second'] as const])(
    'may not name %s',
    (_name, value) => {
      expect(() => judge([value])).toThrow(invalidTarget)
      expect(() => judge([id, value])).toThrow(invalidTarget)
    },
  )
})
