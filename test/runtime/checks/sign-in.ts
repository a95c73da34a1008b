import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { asPage, asUrl, Browser } from '../../support/browser.ts'
import { connectV1, SignedInClient } from '../../support/client-v1.ts'
import { signInAtProvider } from '../../support/provider.ts'
import {
  connect,
  outcome,
  redeemParams,
  refreshParams,
  register,
  signIn,
  type Tokens,
} from '../../support/system.ts'
import { overHttp, signedIn } from '../peer.ts'
import type { Checks } from '../suite.ts'

const read = async (response: Response): Promise<Tokens> => {
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

/** Everything from the consent page to the end of a grant. */
export const signInChecks: Checks = {
  async 'the client of the MCP SDK signs in by the real forms and calls a tool'(peer) {
    const browser = new Browser()
    const provider: SignedInClient = new SignedInClient(async (url) => {
      const stopAt = provider.redirectUrl
      const consent = asPage(await browser.open(url.href))
      const login = asPage(await browser.submit(consent, { decision: 'allow' }))
      return asUrl(await signInAtProvider(browser, login, { stopAt }))
    })
    const { client } = await connectV1(`${peer.url}/mcp`, provider)
    const { tools } = await client.listTools()
    assert.ok(tools.length > 5, `${tools.length} tools`)
    const result = await client.callTool({ name: 'echo', arguments: { message: 'through the lock' } })
    assert.match(JSON.stringify(result.content), /through the lock/)
    assert.equal(provider.answer?.searchParams.get('iss'), peer.url)
    await client.close()
  },

  async 'a code works once, and its use some time later ends the grant'(peer) {
    const system = overHttp(peer)
    const client = await register(system)
    const code = redeemParams(client, await signIn(system, client))
    const tokens = await read(await system.post('/token', code))
    // Later than a client that posts twice at once.
    await sleep(3000)
    assert.deepEqual(await outcome(await system.post('/token', code)), [400, 'invalid_grant'])
    const refresh = await system.post('/token', refreshParams(client, tokens.refresh_token))
    assert.deepEqual(await outcome(refresh), [400, 'invalid_grant'])
  },

  async 'saying no at the consent page takes the user back with access_denied'(peer) {
    const system = overHttp(peer)
    const client = await register(system)
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: client.id,
      redirect_uri: client.redirectUri,
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
      state: 's',
    })
    const browser = system.browser()
    const consent = asPage(await browser.open(`${system.url}/authorize?${query}`))
    const answer = asUrl(await browser.submit(consent, { decision: 'deny' }, { stopAt: client.redirectUri }))
    assert.equal(answer.searchParams.get('error'), 'access_denied')
    assert.equal(answer.searchParams.get('state'), 's')
  },

  async 'a refresh token is rotated, and both access tokens work'(peer) {
    const { tokens, refresh, stream } = await signedIn(peer)
    const next = await read(await refresh(tokens.refresh_token))
    assert.notEqual(next.refresh_token, tokens.refresh_token)
    for (const token of [tokens.access_token, next.access_token]) {
      const response = await stream('/status?code=204', { headers: { authorization: `Bearer ${token}` } })
      assert.equal(response.status, 204)
    }
  },

  async 'of twenty refreshes at once all succeed, with one successor'(peer) {
    const { tokens, refresh } = await signedIn(peer)
    const racing = Array.from({ length: 20 }, async () => read(await refresh(tokens.refresh_token)))
    const successors = new Set((await Promise.all(racing)).map((answer) => answer.refresh_token))
    assert.equal(successors.size, 1)
    await read(await refresh([...successors][0]!))
  },

  async 'an old refresh token ends the grant'(peer) {
    const { tokens, refresh } = await signedIn(peer)
    const second = await read(await refresh(tokens.refresh_token))
    const third = await read(await refresh(second.refresh_token))
    assert.deepEqual(await outcome(await refresh(tokens.refresh_token)), [400, 'invalid_grant'])
    assert.deepEqual(await outcome(await refresh(third.refresh_token)), [400, 'invalid_grant'])
  },

  async 'a revoked grant gets 401 at once'(peer) {
    const system = overHttp(peer)
    const { client, tokens, stream, refresh } = await signedIn(peer)
    assert.equal((await stream('/status?code=204')).status, 204)
    const params = { client_id: client.id, token: tokens.refresh_token }
    assert.equal((await system.post('/revoke', params)).status, 200)
    assert.equal((await stream('/status?code=204')).status, 401)
    assert.deepEqual(await outcome(await refresh(tokens.refresh_token)), [400, 'invalid_grant'])
  },

  async 'a token for one server does not open the other'(peer) {
    const { tokens, guard } = await signedIn(peer)
    assert.equal(await guard(tokens.access_token), 401)
  },

  async 'twenty people sign in at once'(peer) {
    const system = overHttp(peer)
    const people = Array.from({ length: 20 }, (_, n) => connect(system, { login: `person-${n}` }))
    const grants = new Set((await Promise.all(people)).map(({ tokens }) => tokens.refresh_token))
    assert.equal(grants.size, 20)
  },
}
