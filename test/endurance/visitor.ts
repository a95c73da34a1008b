import assert from 'node:assert/strict'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import { challengeOf, newVerifier, type Tokens } from '../support/system.ts'
import { EVENTS } from './server-behind.ts'

export type Totals = Record<
  | 'sign-ins'
  | 'refreshes'
  | 'calls forwarded'
  | 'streams read to the end'
  | 'streams left in the middle'
  | 'made-up tokens refused'
  | 'grants revoked'
  | 'tokens issued',
  number
>

const REDIRECT = 'http://127.0.0.1:5555/callback'
const ROUNDS = 3
const CALLS = 25

/**
 * One client of one person. A visit is a whole life: registration, sign-in, calls, streams, refreshes, the end. It
 * rejects at the first answer that is not the right one.
 */
export function createVisitor(about: {
  issuer: string
  reach: (request: Request) => Promise<Response>
  totals: Totals
  login: string
}): () => Promise<void> {
  const { issuer, reach, totals, login } = about

  const post = (path: string, body: URLSearchParams | string, headers: Record<string, string> = {}) =>
    reach(new Request(issuer + path, { method: 'POST', body, headers }))

  async function read<T>(response: Response, status: number, what: string): Promise<T> {
    const text = await response.text()
    assert.equal(response.status, status, `${what} answered ${response.status} ${text.slice(0, 200)}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async function tokens(params: Record<string, string>): Promise<Tokens> {
    const what = `/token for ${params.grant_type}`
    const issued = await read<Tokens>(await post('/token', new URLSearchParams(params)), 200, what)
    totals['tokens issued']++
    return issued
  }

  async function signIn(clientId: string): Promise<Tokens> {
    const verifier = newVerifier()
    const browser = new Browser({ fetch: reach })
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: REDIRECT,
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
    })
    const consent = asPage(await browser.open(`${issuer}/authorize?${query}`))
    const page = asPage(await browser.submit(consent, { decision: 'allow' }))
    const answer = asUrl(await signInAtProvider(browser, page, { stopAt: REDIRECT, login }))
    const code = answer.searchParams.get('code')
    assert.ok(code, `the sign-in ended at ${answer.search}`)
    totals['sign-ins']++
    return tokens({ grant_type: 'authorization_code', client_id: clientId, code, code_verifier: verifier })
  }

  const guarded = (token: string, accept: string) =>
    post('/mcp', '{}', { authorization: `Bearer ${token}`, accept, 'content-type': 'application/json' })

  /** @returns For whom the server behind was asked. */
  async function call(token: string): Promise<string> {
    const { user } = await read<{ user: string }>(await guarded(token, 'application/json'), 200, '/mcp')
    totals['calls forwarded']++
    return user
  }

  async function stream(token: string, user: string, leave: boolean): Promise<void> {
    const response = await guarded(token, 'text/event-stream')
    assert.equal(response.status, 200, `a stream answered ${response.status}`)
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true })
      if (leave && text.includes('\n\n')) break
    }
    totals[leave ? 'streams left in the middle' : 'streams read to the end']++
    if (leave) return
    const expected = Array.from({ length: EVENTS }, (_, index) => `data: ${user} ${index}\n\n`)
    assert.equal(text, expected.join(''), 'a stream with other events')
  }

  return async () => {
    const metadata = {
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }
    const registered = await post('/register', JSON.stringify(metadata), {
      'content-type': 'application/json',
    })
    const { client_id: clientId } = await read<{ client_id: string }>(registered, 201, '/register')
    let held = await signIn(clientId)
    const user = await call(held.access_token)
    for (let round = 0; round < ROUNDS; round++) {
      for (let count = 0; count < CALLS; count++) {
        assert.equal(await call(held.access_token), user, 'a call for another user')
      }
      await stream(held.access_token, user, round === 1)
      await read(
        await guarded(`${held.access_token.slice(0, -12)}AAAAAAAAAAAA`, '*/*'),
        401,
        'a made-up token',
      )
      totals['made-up tokens refused']++
      const params = { grant_type: 'refresh_token', client_id: clientId, refresh_token: held.refresh_token }
      held = await tokens(params)
      totals.refreshes++
    }
    const given = new URLSearchParams({ client_id: clientId, token: held.refresh_token })
    await read(await post('/revoke', given), 200, '/revoke')
    totals['grants revoked']++
  }
}
