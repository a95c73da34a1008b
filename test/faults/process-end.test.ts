import assert from 'node:assert/strict'
import { memory } from 'lockgate/storage/memory'
import { describe, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'
import { type Doomed, doomed } from './kill.ts'

/** Two processes on one storage; the first one will end. */
async function on(
  run: (first: StartedSystem, next: StartedSystem, doom: Doomed) => Promise<void>,
  providerTtl?: number,
) {
  const shared = memory()
  const doom = doomed(shared)
  const ttl = providerTtl === undefined ? {} : { providerTtl }
  const first = await startSystem({ storage: doom.store, fetch: doom.fetch, revocationLag: 0, ...ttl })
  const next = first.another({ storage: shared, fetch: (input, init) => fetch(input, init) })
  await run(first, next, doom).finally(() => first.close())
}

/** Runs one scenario with the process ended before and after its first, second, … call, until it ends no more. */
async function atEachCall(
  scenario: (when: 'before' | 'after', at: number) => Promise<boolean>,
): Promise<void> {
  for (const when of ['before', 'after'] as const) {
    let at = 1
    while (await scenario(when, at)) at++
    assert.ok(at > 1, 'there was no call to end at')
  }
}

const ok = async (response: Response): Promise<Tokens> => {
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

/** Whether the process ended on the way; a dead one’s answer reached nobody. */
async function attempt<T>(doom: Doomed, work: Promise<T>): Promise<{ died: boolean; value: T | undefined }> {
  const value = await work.catch(() => undefined)
  return { died: doom.dead, value: doom.dead ? undefined : value }
}

describe.concurrent('the end of a process', { timeout: 90_000 }, () => {
  test('the process ends at any call of a sign-in: nobody was told of a code; the next sign-in works', () =>
    atEachCall(async (when, at) => {
      let died = false
      await on(async (first, next, doom) => {
        const client = await register(first)
        doom.arm(at, when)
        died = (await attempt(doom, signIn(first, client))).died
        await connect(next, { client })
      })
      return died
    }))
  test('the process ends at any call of an exchange: the code works again where it was not used yet; where it was, it gives nothing and a new sign-in works', () =>
    atEachCall(async (when, at) => {
      let died = false
      await on(async (first, next, doom) => {
        const client = await register(first)
        const redeem = redeemParams(client, await signIn(first, client))
        doom.arm(at, when)
        died = (await attempt(doom, first.post('/token', redeem))).died
        if (!died) return
        const again = await next.post('/token', redeem)
        assert.ok(again.status === 200 || (await outcome(again))[1] === 'invalid_grant')
        if (when === 'before') assert.equal(again.status, 200, 'nothing was written, and the code is gone')
        await connect(next, { client })
      })
      return died
    }))
  test('the process ends at any call of a refresh: the same refresh token yields the successor elsewhere, and the grant lives', () =>
    atEachCall(async (when, at) => {
      let died = false
      await on(async (first, next, doom) => {
        const { client, tokens } = await connect(first)
        doom.arm(at, when)
        died = (await attempt(doom, first.post('/token', refreshParams(client, tokens.refresh_token)))).died
        if (!died) return
        assert.equal((await guarded(next, tokens.access_token)).status, 200)
        const successor = await ok(await next.post('/token', refreshParams(client, tokens.refresh_token)))
        const last = await ok(await next.post('/token', refreshParams(client, successor.refresh_token)))
        assert.equal((await guarded(next, last.access_token)).status, 200)
      })
      return died
    }))
  test('the process ends at any call of a refresh that also refreshes at the provider: another process goes on, at the latest when the dead one’s lease is over', () =>
    atEachCall(async (when, at) => {
      let died = false
      await on(async (first, next, doom) => {
        const { client, tokens } = await connect(first)
        first.clock.ahead += 90
        doom.arm(at, when)
        died = (await attempt(doom, first.post('/token', refreshParams(client, tokens.refresh_token)))).died
        if (!died) return
        first.clock.ahead += 20
        const successor = await ok(await next.post('/token', refreshParams(client, tokens.refresh_token)))
        assert.equal((await guarded(next, successor.access_token)).status, 200)
      }, 120)
      return died
    }))
  test('the process ends at any call of a revocation: the grant is whole or gone; asking again ends it', () =>
    atEachCall(async (when, at) => {
      let died = false
      await on(async (first, next, doom) => {
        const { client, tokens } = await connect(first)
        const params = { client_id: client.id, token: tokens.refresh_token }
        doom.arm(at, when)
        died = (await attempt(doom, first.post('/revoke', params))).died
        if (!died) return
        const { status } = await guarded(next, tokens.access_token)
        assert.ok(status === 200 || status === 401)
        assert.equal((await next.post('/revoke', params)).status, 200)
        assert.equal((await guarded(next, tokens.access_token)).status, 401)
      })
      return died
    }))
})
