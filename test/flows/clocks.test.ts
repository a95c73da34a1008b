import { afterEach, expect, test } from 'vitest'
import { connect, guarded, type StartedSystem, startSystem } from '../support/system.ts'

let system: StartedSystem
afterEach(() => system.close())

test.each([20, 3600])('a revoked token passes nowhere after the clock was set back by %i s', async (back) => {
  system = await startSystem({ revocationLag: 5 })
  const other = system.another()
  const { client, tokens } = await connect(system)
  // The other instance has seen the grant, and would not read it again for some seconds.
  expect((await guarded(other, tokens.access_token)).status).toBe(200)
  const revoked = await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
  expect(revoked.status).toBe(200)
  expect((await guarded(other, tokens.access_token)).status).toBe(200)
  system.clock.ahead = -back
  expect((await guarded(other, tokens.access_token)).status).toBe(401)
  expect((await guarded(system, tokens.access_token)).status).toBe(401)
})

test('a token that an instance saw as expired is accepted there once its clock is right again', async () => {
  system = await startSystem()
  const { tokens } = await connect(system)
  // One instance knows the token, and one sees it for the first time.
  const other = system.another()
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  system.clock.ahead = 7200
  for (const at of [system, other, system, other])
    expect((await guarded(at, tokens.access_token)).status).toBe(401)
  system.clock.ahead = 0
  for (const at of [system, other, system.another()])
    expect((await guarded(at, tokens.access_token)).status).toBe(200)
  system.clock.ahead = 7200
  for (const at of [system, other]) expect((await guarded(at, tokens.access_token)).status).toBe(401)
})

test('an instance whose clock is an hour behind that of another one says so, and by how much', async () => {
  system = await startSystem()
  const behind = system.another({ now: () => Math.floor(Date.now() / 1000) - 3600 })
  const { tokens } = await connect(system)
  const told = () => system.events.flatMap((event) => (event.reason === 'clock-skew' ? [event.detail] : []))
  expect(told()).toEqual([])
  await guarded(behind, tokens.access_token)
  expect(told()).toEqual([expect.stringMatching(/^a grant was written (3599|3600) s ahead of the clock/)])
  await guarded(behind, tokens.access_token)
  expect(told()).toHaveLength(1)
})
