import { github } from 'lockgate/providers/github'
import { google } from 'lockgate/providers/google'
import { microsoft } from 'lockgate/providers/microsoft'
import { describe, expect, test } from 'vitest'
import { isGranted, showScopes, withoutForeignApi } from '../../src/upstream/scope-match.ts'

const credentials = { clientId: 'c', clientSecret: 's' }
const entra = microsoft({ ...credentials, tenant: 'organizations' })
const GRAPH = 'https://graph.microsoft.com/'

describe('at Microsoft', () => {
  test.each<[string, string, boolean]>([
    ['Mail.Read', 'openid profile Mail.Read', true],
    ['Mail.Read', `openid ${GRAPH}Mail.Read`, true],
    [`${GRAPH}Mail.Read`, 'openid Mail.Read', true],
    ['mail.read', 'openid Mail.Read', true],
    [`${GRAPH}Mail.Read`, 'api://app/Mail.Read', false],
    ['api://app/Mail.Read', 'openid Mail.Read', false],
    ['api://app/.default', 'api://app/read api://app/write', true],
    ['api://app/.default', 'api://other/read', false],
    ['api://app/.default', 'openid profile', false],
    ['api://app', 'api://app/read', false],
    [`${GRAPH}.default`, 'User.Read Mail.Read', true],
    [`${GRAPH}.default`, 'api://app/read', false],
    ['api://app/read', 'api://app/read', true],
    ['openid', 'openid profile', true],
  ])('%s is granted by %s: %s', (scope, named, granted) => {
    expect(isGranted(entra, named, scope)).toBe(granted)
  })

  test.each<[string[], string[]]>([
    [
      ['openid', 'User.Read', 'Mail.Read'],
      ['openid', 'User.Read', 'Mail.Read'],
    ],
    [
      ['openid', 'User.Read', `${GRAPH}Mail.Read`],
      ['openid', 'User.Read', `${GRAPH}Mail.Read`],
    ],
    [
      ['openid', 'offline_access', 'User.Read', 'api://app/.default'],
      ['openid', 'offline_access', 'api://app/.default'],
    ],
    [
      ['openid', 'User.Read'],
      ['openid', 'User.Read'],
    ],
  ])('%j is requested as %j: one token serves one API', (scopes, requested) => {
    expect(withoutForeignApi(scopes, entra)).toEqual(requested)
  })
})

test('elsewhere a scope may have the address of its API in front', () => {
  const provider = google(credentials)
  expect(isGranted(provider, 'https://www.googleapis.com/auth/drive', 'drive')).toBe(true)
  expect(isGranted(provider, 'https://www.googleapis.com/auth/drive.file', 'drive')).toBe(false)
  expect(withoutForeignApi(['User.Read', 'api://app/x'], provider)).toEqual(['User.Read', 'api://app/x'])
})

test('a wider scope contains others', () => {
  expect(isGranted(github(credentials), 'repo', 'public_repo')).toBe(true)
  expect(isGranted(github(credentials), 'public_repo', 'repo')).toBe(false)
})

test('an event shows scopes and nothing else', () => {
  expect(showScopes(['a', 'api://app/.default', 'with blank', '"quoted"', 'x'.repeat(200)])).toBe(
    'a api://app/.default',
  )
  expect(showScopes([])).toBe('none')
})
