import { expect } from 'vitest'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  startImitated,
  type Told,
} from '../support/imitation/system.ts'
import { refreshParams, type Tokens } from '../support/system.ts'
import type { Row } from './rows.ts'

/** What a provider was seen to do. A step that it does not have is `none`. */
export interface Walked {
  signIn: 'ok'
  refresh: 'ok' | 'none'
  revoke: 'ok' | 'none'
}

/**
 * Signs in, refreshes and revokes by the real proxy before the imitation of one provider.
 *
 * @throws {Error} Where anything is other than the row says, or the imitation had to refuse something.
 */
export async function walk(row: Row): Promise<Walked> {
  const system = await startImitated(row.provider, row.profile, row.client && { client: row.client })
  try {
    const signedIn = await signsIn(system, row)
    const refreshed = await refreshes(system, signedIn)
    const revoked = await revokes(system, refreshed)
    expect(system.imitation.complaints).toEqual([])
    return {
      signIn: 'ok',
      refresh: row.profile.refreshes === 'never' ? 'none' : 'ok',
      revoke: revoked ? 'ok' : 'none',
    }
  } finally {
    await system.close()
  }
}

interface Connected {
  readonly client: Awaited<ReturnType<typeof connectImitated>>['client']
  readonly tokens: Tokens
  readonly told: Told
}

async function signsIn(system: ImitatedSystem, { tells }: Row): Promise<Connected> {
  const { client, tokens } = await connectImitated(system)
  const told = await callServer(system, tokens.access_token)
  const { email, emailVerified, name, claims } = tells
  expect(told.user).toMatchObject({ emailVerified, ...(email && { email }), ...(name && { name }) })
  expect(told.user.claims).toMatchObject(claims ?? {})
  // Claims go to the server behind: the provider's tokens have a way of their own.
  expect(JSON.stringify(told.user)).not.toMatch(/access-|refresh-|xoxb/)
  expect(system.imitation.grants.personOf(told.token)?.login).toBe('ada')
  // Another person is another user, here too.
  const other = await connectImitated(system, 'grace')
  expect((await callServer(system, other.tokens.access_token)).user.id).not.toBe(told.user.id)
  return { client, tokens, told }
}

async function refreshes(system: ImitatedSystem, { client, tokens, told }: Connected): Promise<Connected> {
  const { imitation, clock } = system
  const { ttl } = imitation.profile
  clock.ahead += (ttl ?? 1800) + (ttl === null ? 1800 : 0)
  const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
  const body = await response.text()
  expect(response.status, `${body} ${JSON.stringify(system.events.at(-1))} ${imitation.complaints}`).toBe(200)
  const next = JSON.parse(body) as Tokens
  const after = await callServer(system, next.access_token)
  expect(after.user).toEqual(told.user)
  const count = imitation.asked.filter((one) => one === 'refresh').length
  if (imitation.profile.refreshes === 'never') expect(count).toBe(0)
  else {
    expect(count).toBe(1)
    expect(after.token).not.toBe(told.token)
  }
  expect(imitation.grants.personOf(after.token)?.login).toBe('ada')
  return { client, tokens: next, told: after }
}

async function revokes(system: ImitatedSystem, { client, tokens, told }: Connected): Promise<boolean> {
  const { imitation } = system
  const before = imitation.seen.length
  const params = { token: tokens.refresh_token, client_id: client.id }
  expect((await system.post('/revoke', params)).status).toBe(200)
  const offers = imitation.profile.revoke !== undefined || imitation.profile.routes !== undefined
  // The client's answer does not wait for the provider.
  for (let tries = 0; tries < 100 && imitation.grants.personOf(told.token); tries++) {
    await new Promise((resolve) => setTimeout(resolve, offers ? 10 : 1))
  }
  expect(imitation.grants.personOf(told.token) === undefined).toBe(offers)
  if (!offers) expect(imitation.seen.length).toBe(before)
  expect(system.events.filter(({ type }) => type === 'failed')).toEqual([])
  return offers
}
