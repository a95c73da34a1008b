import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ROWS } from '../providers/rows.ts'
import type { Fault as Injected, Place } from '../support/imitation/imitation.ts'
import {
  connectImitated,
  type ImitatedSystem,
  signInImitated,
  startImitated,
} from '../support/imitation/system.ts'
import { authorizeUrl, guarded, outcome, refreshParams, register, type Tokens } from '../support/system.ts'

const BAD: readonly (readonly [string, Injected])[] = [
  ['hangs up', 'reset'],
  ['never answers', 'hang'],
  ['answers without end', 'huge'],
  ['answers 500', { status: 500, body: { error: 'server_error' } }],
  [
    'answers 502 with a page',
    { status: 502, body: '<html>Bad gateway</html>', headers: { 'content-type': 'text/html' } },
  ],
  ['answers 200 with a page', { body: '<html>Maintenance</html>', headers: { 'content-type': 'text/html' } }],
  [
    'answers 200 with half a JSON',
    { body: '{"access_token":"x', headers: { 'content-type': 'application/json' } },
  ],
  ['answers 429', { status: 429, body: { error: 'slow_down' }, headers: { 'retry-after': '30' } }],
]

async function on(run: (system: ImitatedSystem) => Promise<void>): Promise<void> {
  const { provider, profile } = ROWS.find(({ name }) => name === 'oidc')!
  const system = await startImitated(provider, profile)
  await run(system).finally(() => system.close())
}

/** Injects the same fault often enough for every retry. */
const inject = ({ imitation }: ImitatedSystem, at: Place, fault: Injected) => {
  for (let times = 0; times < 10; times++) imitation.faults.push({ at, fault })
}

describe.concurrent('the provider', { timeout: 90_000 }, () => {
  test.each(BAD)(
    '%s at the exchange: the client gets an error and no code, nothing is stored; the next sign-in works',
    (_name, fault) =>
      on(async (system) => {
        const client = await register(system)
        inject(system, 'exchange', fault)
        const { answer } = await signInImitated(system, client)
        assert.equal(answer.searchParams.get('code'), null)
        assert.match(
          answer.searchParams.get('error') ?? '',
          /^(server_error|temporarily_unavailable|access_denied)$/,
        )
        assert.equal(system.store.writes, 0)
        system.imitation.faults.length = 0
        await connectImitated(system)
      }),
  )

  test.each(BAD)(
    '%s at a refresh: 503 with Retry-After, the grant lives; afterwards the same refresh token works',
    (_name, fault) =>
      on(async (system) => {
        const { client, tokens } = await connectImitated(system)
        system.clock.ahead += system.imitation.profile.ttl ?? 1800
        inject(system, 'refresh', fault)
        const started = Date.now()
        const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
        assert.ok(response.headers.get('retry-after'))
        assert.deepEqual(await outcome(response), [503, 'temporarily_unavailable'])
        assert.ok(Date.now() - started < 30_000)
        system.imitation.faults.length = 0
        const next = await system.post('/token', refreshParams(client, tokens.refresh_token))
        assert.equal(next.status, 200, await next.clone().text())
        const { access_token: token } = (await next.json()) as Tokens
        assert.equal((await guarded(system, token)).status, 200)
      }),
  )

  test('the provider cannot be found when the first user comes: the client is told to try again, nothing is stored; the next sign-in works', () =>
    on(async (system) => {
      inject(system, 'discovery', 'reset')
      const client = await register(system)
      const response = await system.call(authorizeUrl(system, client))
      const answer = new URL(response.headers.get('location') ?? 'missing:')
      assert.equal(answer.searchParams.get('error'), 'temporarily_unavailable')
      assert.equal(system.store.writes, 0)
      system.imitation.faults.length = 0
      // A provider that failed just now is left alone for some seconds.
      system.clock.ahead += 60
      await connectImitated(system)
    }))
  test('the provider does not answer a revocation: the client does not wait for it; its grant has ended', () =>
    on(async (system) => {
      const { client, tokens } = await connectImitated(system)
      inject(system, 'revoke', 'hang')
      const started = Date.now()
      const params = { client_id: client.id, token: tokens.refresh_token }
      assert.equal((await system.post('/revoke', params)).status, 200)
      assert.ok(Date.now() - started < 2000)
      assert.equal((await guarded(system, tokens.access_token)).status, 401)
    }))
})
