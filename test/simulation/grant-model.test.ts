import { expect, test } from 'vitest'
import { explore } from './grant-model.ts'

test('every order of two instances, an owner and a thief keeps the rules of a grant', {
  timeout: 60_000,
}, () => {
  const { states, steps, transitions, broken } = explore({ requests: 4, generations: 4 })
  expect(broken).toEqual([])
  // The search is as wide as it claims to be.
  expect(states).toBeGreaterThan(20_000)
  expect(steps).toBeGreaterThan(states)
  for (const event of [
    'redeem n of the owner issues n',
    'redeem n of the owner ends the grant',
    'refresh n of the owner issues n',
    'refresh n of the thief issues n',
    'refresh n of the thief ends the grant',
    'refresh n of the owner ends the grant',
    'refresh n of the owner loses the race',
    'revoke n of the owner ends the grant',
    'revoke-access n of the owner is done',
  ]) {
    expect(transitions.get(event) ?? 0, event).toBeGreaterThan(0)
  }
})
