import { describe, expect, test } from 'vitest'
import { oidc } from '../../src/providers/oidc.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { InvalidResponse, ProviderRefusal } from '../../src/upstream/refusal.ts'
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

/** Returns the refusal that a response is read as. */
async function refusalOf(body: unknown, status = 200, by = provider, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = new Response(text, { status, headers: { 'content-type': type } })
  const error = await conformTokenAnswer(response, by).catch((reason: unknown) => reason)
  if (!(error instanceof ProviderRefusal)) throw new Error('it was not refused')
  const { status: shown, error: code, description } = error
  return { status: shown, error: code, description }
}

describe('a refusal', () => {
  test('has the status, the code and the description of the response', async () => {
    for (const status of [400, 401, 403]) {
      const body = { error: 'invalid_grant', error_description: 'why' }
      expect(await refusalOf(body, status)).toEqual({ status, error: 'invalid_grant', description: 'why' })
    }
  })

  test('is also an error with status 200, even next to a token', async () => {
    for (const body of [{ error: 'bad_verification_code' }, { ...GOOD, error: 'x' }, { ok: false }])
      expect(await refusalOf(body)).toMatchObject({ status: 200, error: (body as { error?: string }).error })
  })

  test('may come as a form', async () => {
    const type = 'application/x-www-form-urlencoded'
    expect(await refusalOf('error=incorrect_client_credentials', 200, provider, type)).toMatchObject({
      error: 'incorrect_client_credentials',
    })
  })

  test('needs no code: its status is enough', async () => {
    expect(await refusalOf({ error: true, message: 'no' }, 404)).toEqual({
      status: 404,
      error: undefined,
      description: 'no',
    })
    expect(await refusalOf('refresh_token is invalid', 403, provider, 'text/plain')).toEqual({
      status: 403,
      error: undefined,
      description: 'refresh_token is invalid',
    })
    expect(await refusalOf('', 409)).toMatchObject({ status: 409, error: undefined })
  })

  test('does not show its body where an error is printed', async () => {
    const response = Response.json({ error: 'x', error_description: 'secret' }, { status: 400 })
    const error = await conformTokenAnswer(response, provider).catch((reason: unknown) => reason)
    expect(JSON.stringify(error) + String(error) + Object.values(error as object).join()).not.toContain(
      'secret',
    )
  })
})

describe('a token with characters that no token may have', () => {
  test.each(['access_token', 'refresh_token'])('as %s is refused, and not quoted', async (name) => {
    for (const wrong of ['canary\n', 'canary x', 'canaryé', '\u0000canary']) {
      const error = await conformJson({ ...GOOD, [name]: wrong }).catch((reason: Error) => reason)
      expect(error).toBeInstanceOf(InvalidResponse)
      expect((error as Error).message).toBe(`${name} has characters that no token may have`)
    }
  })

  test('is not one with the punctuation that vendors use', async () => {
    const token = '00D|x!y/z+w=~._-:,;(a)'
    expect(await conformJson({ ...GOOD, access_token: token })).toMatchObject({
      body: { access_token: token },
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
    await expect(conform(body, { status: 400 })).rejects.toThrow(ProviderRefusal)
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
  expect(await refusalOf(GOOD, 200, failing)).toMatchObject({ error: 'x' })
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
    const body = { error: { code: 'invalid_grant', message: 'why' } }
    expect(await refusalOf(body, 400, by)).toEqual({
      status: 400,
      error: 'invalid_grant',
      description: 'why',
    })
  })

  test('the first of several places that holds a code counts', async () => {
    const by = saying({ error: ['error_code', 'category'] })
    expect(await refusalOf({ category: 'B' }, 400, by)).toMatchObject({ error: 'B' })
    expect(await refusalOf({ category: 'B', error_code: 'a' }, 400, by)).toMatchObject({ error: 'a' })
    expect(await conformJson({ ...GOOD, category: 'x' }, 200, by)).toMatchObject({ status: 200 })
  })

  test('a token_type that means something else is what it should have been', async () => {
    const by = saying({ tokenType: 'bearer' })
    expect(await conformJson({ ...GOOD, token_type: 'user' }, 200, by)).toEqual({ status: 200, body: GOOD })
    expect(await refusalOf({ error: 'x' }, 200, by)).toMatchObject({ error: 'x' })
  })

  test('granted scopes may be elsewhere, as a text or a list', async () => {
    const by = saying({ scope: 'scopes' })
    expect(await conformJson({ ...GOOD, scopes: ['a', 'b'] }, 200, by)).toMatchObject({
      body: { scope: 'a b' },
    })
    expect(await conformJson({ ...GOOD, scopes: 'a b' }, 200, by)).toMatchObject({ body: { scope: 'a b' } })
    expect(await conformJson({ ...GOOD, scope: 'a' }, 200, by)).toMatchObject({ body: { scope: 'a' } })
  })

  test('the separator of the request separates the scopes of the response too', async () => {
    const by = { ...provider, scopeSeparator: ',' }
    expect(await conformJson({ ...GOOD, scope: 'a,b' }, 200, by)).toMatchObject({ body: { scope: 'a b' } })
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
