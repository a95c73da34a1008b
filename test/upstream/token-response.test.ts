import { describe, expect, test } from 'vitest'
import { oidc } from '../../src/providers/oidc.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { conformTokenAnswer } from '../../src/upstream/token-response.ts'

const provider = oidc({ issuer: 'https://provider.test', clientId: 'proxy' })

async function conform(body: BodyInit | null, init: ResponseInit = {}, by: Provider = provider) {
  const response = await conformTokenAnswer(new Response(body, init), by)
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}
const conformJson = (body: unknown, status = 200, by = provider) =>
  conform(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } }, by)

const GOOD = { access_token: 'a', token_type: 'bearer', expires_in: 3600 }

test('an answer that is right already stays as it is', async () => {
  const full = { ...GOOD, refresh_token: 'r', scope: 'a b', id_token: 'i', extra: { deep: [1] } }
  expect(await conformJson(full)).toEqual({ status: 200, body: full })
})

describe('a success', () => {
  test('as a form becomes JSON', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'application/x-www-form-urlencoded; charset=utf-8',
    ]) {
      const headers = { 'content-type': type }
      expect(
        await conform('access_token=a%2Bb&expires_in=3600&scope=x%20y&token_type=bearer', { headers }),
      ).toEqual({
        status: 200,
        body: { access_token: 'a+b', token_type: 'bearer', expires_in: 3600, scope: 'x y' },
      })
    }
  })

  test('is read as JSON, whatever type it claims', async () => {
    const headers = { 'content-type': 'text/plain' }
    expect(await conform(JSON.stringify(GOOD), { headers })).toEqual({ status: 200, body: GOOD })
  })

  test('with the status 201 is one', async () => {
    expect(await conformJson(GOOD, 201)).toEqual({ status: 200, body: GOOD })
  })

  test('gets the token_type it forgot', async () => {
    expect(await conformJson({ access_token: 'a' })).toEqual({
      status: 200,
      body: { access_token: 'a', token_type: 'bearer' },
    })
    expect(await conformJson({ access_token: 'a', token_type: 'DPoP' })).toMatchObject({
      body: { token_type: 'DPoP' },
    })
  })

  test('loses what is null or empty', async () => {
    const padded = {
      ...GOOD,
      refresh_token: null,
      id_token: '',
      scope: null,
      error: '',
      error_description: null,
    }
    expect(await conformJson(padded)).toEqual({ status: 200, body: GOOD })
  })

  test('has its scopes in one text', async () => {
    expect(await conformJson({ ...GOOD, scope: ['a', 'b'] })).toMatchObject({ body: { scope: 'a b' } })
  })

  test.each([
    ['3600', 3600],
    [3600, 3600],
    [0.5, 0.5],
  ])('with expires_in %j ends then', async (given, seconds) => {
    expect(await conformJson({ ...GOOD, expires_in: given })).toMatchObject({ body: { expires_in: seconds } })
  })

  test.each([0, -1, '0', 'never', null, '', {}, [], false])(
    'with expires_in %j did not say when it ends',
    async (given) => {
      const { body } = await conformJson({ ...GOOD, expires_in: given })
      expect(body).not.toHaveProperty('expires_in')
    },
  )
})

describe('an error', () => {
  test('keeps its status where that says so', async () => {
    for (const status of [400, 401, 403]) {
      const body = { error: 'invalid_grant', error_description: 'why' }
      expect(await conformJson(body, status)).toEqual({ status, body })
    }
  })

  test('in an answer of success becomes a 400, even beside a token', async () => {
    expect(await conformJson({ error: 'bad_verification_code' })).toEqual({
      status: 400,
      body: { error: 'bad_verification_code' },
    })
    expect(await conformJson({ ...GOOD, error: 'x' })).toMatchObject({ status: 400 })
  })

  test('as a form is one too', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await conform('error=incorrect_client_credentials', { headers })).toEqual({
      status: 400,
      body: { error: 'incorrect_client_credentials' },
    })
  })
})

describe('no answer at all', () => {
  test.each([
    ['a page', '<html></html>'],
    ['nothing', null],
    ['a list', '[]'],
    ['a text', '"access_token"'],
    ['null', 'null'],
    ['half an object', '{"access_token":'],
  ])('%s is a failure of the provider, never a success', async (_name, body) => {
    expect(await conform(body)).toEqual({ status: 502, body: undefined })
    expect(await conform(body, { status: 400 })).toEqual({ status: 400, body: undefined })
  })

  test('an object without a token stays without one', async () => {
    expect(await conformJson({})).toEqual({ status: 200, body: {} })
  })
})

test('the repair of a provider comes before the judgement', async () => {
  const repairing: Provider = {
    ...provider,
    conformToken: ({ status, body }) => ({
      status,
      body: { ...(body.authed_user as object), team: 't', x: null },
    }),
  }
  expect(await conformJson({ authed_user: { access_token: 'a' } }, 200, repairing)).toEqual({
    status: 200,
    body: { access_token: 'a', token_type: 'bearer', team: 't' },
  })
  const failing: Provider = { ...provider, conformToken: () => ({ status: 200, body: { error: 'x' } }) }
  expect(await conformJson(GOOD, 200, failing)).toEqual({ status: 400, body: { error: 'x' } })
})

describe('what a definition says of the answer', () => {
  const saying = (answer: Provider['answer']): Provider => ({ ...provider, answer })

  test('tokens that stand deeper come up, and what lies beside them stays', async () => {
    const nested = {
      ok: true,
      access_token: 'of the bot',
      authed_user: { id: 'U', access_token: 'a' },
      team: { id: 'T' },
    }
    expect(await conformJson(nested, 200, saying({ tokens: 'authed_user' }))).toEqual({
      status: 200,
      body: { ...nested, id: 'U', access_token: 'a', token_type: 'bearer' },
    })
    expect(await conformJson(GOOD, 200, saying({ tokens: 'authed_user' }))).toEqual({
      status: 200,
      body: GOOD,
    })
  })

  test('an error that stands deeper is one', async () => {
    const by = saying({ error: 'error.code' })
    expect(await conformJson({ error: { code: 'invalid_grant', message: 'why' } }, 400, by)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  test('a token_type that means something else is what it should have been', async () => {
    const by = saying({ tokenType: 'bearer' })
    expect(await conformJson({ ...GOOD, token_type: 'user' }, 200, by)).toEqual({ status: 200, body: GOOD })
    expect(await conformJson({ error: 'x' }, 200, by)).toEqual({ status: 400, body: { error: 'x' } })
  })

  test('scopes that are divided by something else are divided by blanks', async () => {
    const by = saying({ scopeSeparator: ',' })
    expect(await conformJson({ ...GOOD, scope: 'a,b' }, 200, by)).toMatchObject({ body: { scope: 'a b' } })
    expect(await conformJson({ ...GOOD, scope: ['a,b'] }, 200, by)).toMatchObject({ body: { scope: 'a b' } })
  })

  test('an ID token that nobody asked for is dropped', async () => {
    const { idToken: _, ...rest } = provider
    expect(await conformJson({ ...GOOD, id_token: 'i' }, 200, { ...rest, idToken: false })).toEqual({
      status: 200,
      body: GOOD,
    })
    expect(await conformJson({ ...GOOD, id_token: 'i' })).toMatchObject({ body: { id_token: 'i' } })
  })
})
