import { describe, expect, test } from 'vitest'
import { authenticateClient, readCredentials } from '../../src/clients/authenticate-client.ts'
import type { Client } from '../../src/clients/client.ts'
import type { AuthMethod } from '../../src/protocol/client-metadata.ts'

const SECRET = 'a+b%2B c:ü/="&'

const client = (id: string, ...authMethods: AuthMethod[]): Client => ({
  id,
  key: id,
  kind: 'configured',
  name: id,
  redirectUris: [],
  authMethods,
  grantTypes: ['authorization_code', 'refresh_token'],
  refreshes: true,
  scope: undefined,
  secrets: authMethods.includes('none') ? [] : [SECRET],
})

const CLIENTS = [
  client('basic', 'client_secret_basic'),
  client('post', 'client_secret_post'),
  client('both', 'client_secret_basic', 'client_secret_post'),
  client('public', 'none'),
  client('a b:c', 'client_secret_basic'),
]

const authenticate = async (authorization: string | null, fields: Record<string, string> = {}) => {
  const credentials = readCredentials(authorization, fields)
  const claimed = CLIENTS.find(({ id }) => id === credentials.id)
  const { client } = await authenticateClient(credentials, claimed, async () => {
    throw new Error('no client of these tests signs')
  })
  return client.id
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const basic = (id: string, secret: string) => `Basic ${base64(`${id}:${secret}`)}`

/** RFC 6749, appendix B: form encoding, a space as a plus sign. */
const encoded = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)

const refusal = (code: string, reason?: string) =>
  expect.objectContaining({ name: 'OAuthError', code, ...(reason !== undefined && { reason }) })

describe('Basic credentials', () => {
  test.each([
    ['form-encoded as the standard asks', basic('basic', encoded(SECRET))],
    ['percent-encoded', basic('basic', encodeURIComponent(SECRET))],
    ['raw as many clients send them', basic('basic', SECRET)],
    ['with the scheme in lower case', basic('basic', SECRET).replace('Basic', 'basic')],
    ['with the scheme in odd case', basic('basic', SECRET).replace('Basic', 'bASIC')],
    ['after several spaces', basic('basic', SECRET).replace(' ', '   ')],
    ['before blanks', `${basic('basic', SECRET)} \t`],
    ['without padding', basic('basic', SECRET).replace(/=+$/, '')],
  ])('%s are good', async (_name, authorization) => {
    expect(await authenticate(authorization)).toBe('basic')
    expect(await authenticate(authorization, { client_id: 'basic' })).toBe('basic')
  })

  test('may hold an id with a colon, encoded', async () => {
    expect(await authenticate(basic(encoded('a b:c'), SECRET))).toBe('a b:c')
    expect(await authenticate(basic(encoded('a b:c'), SECRET), { client_id: 'a b:c' })).toBe('a b:c')
  })

  test.each([
    ['no base64', 'Basic !!!'],
    ['nothing', 'Basic  '],
    ['a tab before', basic('basic', SECRET).replace(' ', ' \t')],
    ['a blank inside', basic('basic', SECRET).replace(/(.{12})/, '$1 ')],
    ['a no-break space before', basic('basic', SECRET).replace(' ', ' \u00a0')],
    ['a no-break space after', `${basic('basic', SECRET)}\u00a0`],
    ['a line break after', `${basic('basic', SECRET)}\n`],
    ['no colon', `Basic ${base64('basic')}`],
    ['no id', `Basic ${base64(`:${SECRET}`)}`],
    ['bytes that are no UTF-8', `Basic ${Buffer.from([0x62, 0x3a, 0xff]).toString('base64')}`],
  ])('with %s are refused', async (_name, authorization) => {
    await expect(authenticate(authorization)).rejects.toThrow(
      refusal('invalid_client', 'malformed-credentials'),
    )
    await expect(
      authenticate(authorization, { client_id: 'public' }),
      'also of a public client',
    ).rejects.toThrow(refusal('invalid_client'))
  })

  test.each([
    ['another secret', basic('basic', 'wrong')],
    ['no secret', basic('basic', '')],
    ['half the secret', basic('basic', SECRET.slice(0, -1))],
    ['the secret decoded twice', basic('basic', decodeURIComponent(SECRET))],
    ['the secret in another case', basic('basic', SECRET.toUpperCase())],
    ['a percent sign that encodes nothing', basic('basic', '%zz')],
  ])('with %s are refused', async (_name, authorization) => {
    await expect(authenticate(authorization)).rejects.toThrow(
      refusal('invalid_client', 'wrong-client-secret'),
    )
  })

  test('may not name another client than the body', async () => {
    await expect(authenticate(basic('basic', SECRET), { client_id: 'both' })).rejects.toThrow(
      refusal('invalid_request'),
    )
  })
})

describe('credentials in the body', () => {
  test.each(['post', 'both'])('are good for the client %s', async (id) => {
    expect(await authenticate(null, { client_id: id, client_secret: SECRET })).toBe(id)
  })

  test('are taken as they are, decoded by nobody', async () => {
    const fields = { client_id: 'post', client_secret: encoded(SECRET) }
    await expect(authenticate(null, fields)).rejects.toThrow(refusal('invalid_client', 'wrong-client-secret'))
  })

  test('stay good beside a header that is no Basic', async () => {
    expect(await authenticate('Bearer x', { client_id: 'post', client_secret: SECRET })).toBe('post')
    expect(await authenticate('', { client_id: 'public' })).toBe('public')
  })

  test('without a client_id are refused', async () => {
    await expect(authenticate(null, { client_secret: SECRET })).rejects.toThrow(
      refusal('invalid_client', 'missing-client-id'),
    )
    await expect(authenticate(null)).rejects.toThrow(refusal('invalid_client', 'missing-client-id'))
  })
})

test('a public client names itself and proves nothing', async () => {
  expect(await authenticate(null, { client_id: 'public' })).toBe('public')
})

test.each([
  ['Basic for post', basic('post', SECRET), {}],
  ['post for Basic', null, { client_id: 'basic', client_secret: SECRET }],
  ['none for Basic', null, { client_id: 'basic' }],
  ['none for post', null, { client_id: 'post' }],
  ['none for either', null, { client_id: 'both' }],
  ['Basic for none', basic('public', ''), {}],
  ['post for none', null, { client_id: 'public', client_secret: 'x' }],
])('a client may use only the method it registered: %s', async (_name, authorization, fields) => {
  await expect(authenticate(authorization, fields)).rejects.toThrow(refusal('invalid_client'))
})

test.each(['client_secret', 'client_assertion'])('Basic beside a %s is one method too many', async (name) => {
  const fields = { client_id: 'both', [name]: SECRET }
  await expect(authenticate(basic('both', SECRET), fields)).rejects.toThrow(refusal('invalid_request'))
})

test('a peer cannot tell an unknown client from a wrong secret, method or header', async () => {
  const attempts: [string | null, Record<string, string>][] = [
    [basic('unknown', SECRET), {}],
    [basic('basic', 'wrong'), {}],
    [basic('post', SECRET), {}],
    ['Basic !!!', {}],
    [null, { client_id: 'unknown' }],
    [null, { client_id: 'unknown', client_secret: SECRET }],
    [null, { client_id: 'post', client_secret: 'wrong' }],
    [null, { client_id: 'post' }],
    [null, {}],
  ]
  for (const [authorization, fields] of attempts) {
    await expect(authenticate(authorization, fields)).rejects.toThrow(
      expect.objectContaining({
        code: 'invalid_client',
        status: 401,
        message: 'Client authentication failed',
      }),
    )
  }
})
