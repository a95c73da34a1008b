import { oauth2 } from 'lockgate/providers/oauth2'
import { describe, expect, test } from 'vitest'
import { basicCredentials } from '../../src/providers/parts/basic.ts'
import type { ProviderParts } from '../../src/providers/provider.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'

const NOW = 1_800_000_000
const TOKEN = 'https://plain.example.com/token'

/** One refresh at a provider that says what it is told to. @returns The request and what came of it. */
async function refresh(overrides: ProviderParts, answer: Record<string, unknown> = {}, secret = 'secret') {
  let sent: { url: string; headers: Headers; body: BodyInit | null | undefined } | undefined
  const provider = oauth2({
    clientId: 'client-1',
    clientSecret: secret,
    authorizationEndpoint: 'https://plain.example.com/authorize',
    tokenEndpoint: TOKEN,
    userinfoEndpoint: 'https://plain.example.com/me',
    overrides,
  })
  const upstream = createUpstream(provider, {
    fetch: async (url, init) => {
      sent = { url, headers: new Headers(init.headers), body: init.body }
      return Response.json({ access_token: 'new', ...answer })
    },
    now: () => NOW,
    redirectUri: 'https://proxy.example.com/callback',
  })
  const { tokens } = await upstream.refresh({ accessToken: 'old', refreshToken: 'r', scope: 'a' })
  return { ...sent!, tokens }
}

const basicOf = (headers: Headers) =>
  Buffer.from(headers.get('authorization')!.slice('Basic '.length), 'base64').toString()

describe('Basic', () => {
  /** A server that decodes as RFC 6749 §2.3.1 says: strictly, after the split at the first colon. */
  const decoding = (text: string) => {
    const split = text.indexOf(':')
    return [text.slice(0, split), text.slice(split + 1)].map((part) =>
      decodeURIComponent(part.replaceAll('+', ' ')),
    )
  }
  const undecoding = (text: string) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]

  test.each(['a-b_c.d~e', 'x/y=z', "q!*'()@,;$?#", 'a:b', '"quoted"\\'])(
    'with the secret %s is understood by servers that decode and by those that do not',
    async (secret) => {
      const { headers } = await refresh({}, {}, secret)
      for (const read of [decoding, undecoding]) expect(read(basicOf(headers))).toEqual(['client-1', secret])
    },
  )

  test.each(['a+b', '100%', 'a b', 'a&b', 'gehört'])(
    'with the secret %s is understood by servers that decode, and raw by the others',
    async (secret) => {
      const { headers } = await refresh({}, {}, secret)
      expect(decoding(basicOf(headers))).toEqual(['client-1', secret])
      const raw = await refresh({ basicEncoding: 'raw' }, {}, secret)
      expect(undecoding(basicOf(raw.headers))).toEqual(['client-1', secret])
    },
  )

  test('keeps a colon of the client id apart from the separator', () => {
    const text = atob(basicCredentials({ id: 'app:1', secret: 's:2' }).slice('Basic '.length))
    expect(decoding(text)).toEqual(['app:1', 's:2'])
  })
})

describe('the expiry', () => {
  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

  test.each<[string, ProviderParts['expiry'], Record<string, unknown>, number | undefined]>([
    ['is what the provider says', undefined, { expires_in: 60 }, NOW + 60],
    ['is not known where it does not', undefined, {}, undefined],
    ['is assumed where the definition says so', { fallback: 600 }, {}, NOW + 600],
    ['is not assumed where the provider says it', { fallback: 600 }, { expires_in: 60 }, NOW + 60],
    ['is read from the token', { from: 'jwt' }, { access_token: jwt({ exp: NOW + 7 }) }, NOW + 7],
    ['is that of the response if the token is not a JWT', { from: 'jwt' }, { expires_in: 60 }, NOW + 60],
  ])('%s', async (_name, expiry, answer, expected) => {
    expect((await refresh({ expiry }, answer)).tokens.expiresAt).toBe(expected)
  })
})

test('what the answer does not repeat stays', async () => {
  const { tokens } = await refresh({})
  expect(tokens).toMatchObject({ accessToken: 'new', refreshToken: 'r', scope: 'a' })
  expect((await refresh({}, { refresh_token: 'r2', scope: 'b' })).tokens).toMatchObject({
    refreshToken: 'r2',
    scope: 'b',
  })
})

test('a refresh goes to its own endpoint, with its own proof and parameters, as a form or as JSON', async () => {
  const endpoints = {
    authorization: 'https://plain.example.com/authorize',
    token: TOKEN,
    refresh: 'https://plain.example.com/refresh',
  }
  const { url, headers, body } = await refresh({
    endpoints,
    endpointAuth: { refresh: 'client_secret_post' },
    refreshParams: { extra: '1' },
    headers: { 'x-version': '2' },
  })
  expect(url).toBe(endpoints.refresh)
  expect(headers.get('authorization')).toBeNull()
  expect(headers.get('x-version')).toBe('2')
  expect(Object.fromEntries(body as URLSearchParams)).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'r',
    extra: '1',
    client_id: 'client-1',
    client_secret: 'secret',
  })
  const json = await refresh({ requestBody: 'json' })
  expect(json.headers.get('content-type')).toBe('application/json')
  expect(JSON.parse(json.body as string)).toEqual({ grant_type: 'refresh_token', refresh_token: 'r' })
})
