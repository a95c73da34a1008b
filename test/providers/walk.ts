import { expect } from 'vitest'
import type { Means } from '../support/imitation/profile.ts'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  signInImitated,
  startImitated,
  type Told,
} from '../support/imitation/system.ts'
import { outcome, refreshParams, register, type Tokens } from '../support/system.ts'
import type { Row } from './rows.ts'

/** The steps that a provider passed. A step that it does not have is `none`. */
export interface Walked {
  /** The source of its metadata document. */
  documents: 'capture' | 'assumed' | 'none'
  signIn: 'ok'
  refresh: 'ok' | 'none'
  /** The number of refusals of each kind, from its own list. */
  refusals: Readonly<Record<Means, number>>
  revoke: 'ok' | 'none'
  groups: 'ok' | 'none'
}

const start = (row: Row, own: Parameters<typeof startImitated>[2] = {}) =>
  startImitated(row.provider, row.profile, { ...(row.client && { client: row.client }), ...own })

/**
 * Signs in, refreshes, is refused and revokes by the real proxy in front of the imitation of one provider.
 *
 * @throws {Error} If anything differs from the row, or the imitation had to refuse something.
 */
export async function walk(row: Row): Promise<Walked> {
  const system = await start(row)
  try {
    const signedIn = await signsIn(system, row)
    const refreshed = await refreshes(system, signedIn)
    const revoked = await revokes(system, refreshed)
    await endsByItself(row)
    expect(system.imitation.complaints).toEqual([])
    const { documents } = row.profile.sources
    return {
      documents: documents === undefined ? 'none' : documents.startsWith('assumed') ? 'assumed' : 'capture',
      signIn: 'ok',
      refresh: row.profile.refreshes === 'never' ? 'none' : 'ok',
      refusals: await isRefused(row),
      revoke: revoked ? 'ok' : 'none',
      groups: await knowsGroups(row),
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

async function signsIn(system: ImitatedSystem, { tells, sameUser = false }: Row): Promise<Connected> {
  const { client, tokens } = await connectImitated(system)
  const told = await callServer(system, tokens.access_token)
  const { email, emailVerified, name, claims } = tells
  expect(told.user).toMatchObject({ emailVerified, ...(email && { email }), ...(name && { name }) })
  expect(told.user.claims).toMatchObject(claims ?? {})
  // Claims go to the MCP server: the provider's tokens have a way of their own.
  expect(JSON.stringify(told.user)).not.toMatch(/access-|refresh-|xoxb/)
  expect(system.imitation.grants.personOf(told.token)?.login).toBe('ada')
  // Another user is another user, here too, unless the provider names an account.
  const other = await connectImitated(system, 'grace')
  const { user } = await callServer(system, other.tokens.access_token)
  expect(user.id === told.user.id).toBe(sameUser)
  return { client, tokens, told }
}

/** A grant that nobody uses for longer than this would end by itself. */
const STEP = 864_000

/**
 * Lets time pass until the provider's access token has expired, or an hour if it does not expire or cannot be renewed.
 * The client refreshes in between, as clients do.
 *
 * @returns The client's refresh token then.
 */
async function grow(system: ImitatedSystem, client: Connected['client'], token: string): Promise<string> {
  const { ttl = 1800, refreshes } = system.imitation.profile
  let left = ttl === null || refreshes === 'never' ? 3600 : ttl
  let current = token
  for (; left > STEP; left -= STEP) {
    system.clock.ahead += STEP
    const response = await system.post('/token', refreshParams(client, current))
    expect(response.status).toBe(200)
    current = ((await response.json()) as Tokens).refresh_token
  }
  system.clock.ahead += left
  return current
}

/** A sign-in without a refresh token ends with its access token. */
async function endsByItself(row: Row): Promise<void> {
  const { ttl, refreshes } = row.profile
  if (refreshes !== 'never' || ttl === undefined || ttl === null) return
  const system = await start(row)
  try {
    const { client, tokens } = await connectImitated(system)
    system.clock.ahead += ttl
    const answer = await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    expect(answer).toEqual([400, 'invalid_grant'])
  } finally {
    await system.close()
  }
}

async function refreshes(system: ImitatedSystem, { client, tokens, told }: Connected): Promise<Connected> {
  const { imitation } = system
  const current = await grow(system, client, tokens.refresh_token)
  const response = await system.post('/token', refreshParams(client, current))
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
  const { revoke, routes = {} } = imitation.profile
  const offers =
    revoke !== undefined || Object.keys(routes).some((route) => /revoke|deauthorize|^DELETE/.test(route))
  // The client's response does not wait for the provider.
  for (let tries = 0; tries < 100 && imitation.grants.personOf(told.token); tries++) {
    await new Promise((resolve) => setTimeout(resolve, offers ? 10 : 1))
  }
  expect(imitation.grants.personOf(told.token) === undefined).toBe(offers)
  if (!offers) expect(imitation.seen.length).toBe(before)
  expect(system.events.filter(({ type }) => type === 'failed')).toEqual([])
  return offers
}

/** Sends each refusal of the vendor at a refresh, and the one for a token that has ended. */
async function isRefused(row: Row): Promise<Walked['refusals']> {
  const counts = { final: 0, transient: 0, configuration: 0 }
  if (row.profile.refreshes === 'never') return counts
  const { refusals = [] } = row.profile
  const system = await start(row)
  try {
    await ends(system, (imitation) => imitation.grants.endAll(), 'a token that has ended')
    counts.final++
    for (const { reply, means } of refusals.filter((one) => one.means === 'final')) {
      await ends(system, ({ faults }) => faults.push({ at: 'refresh', fault: reply }), JSON.stringify(reply))
      counts[means]++
    }
    const { client, tokens } = await connectImitated(system)
    let token = tokens.refresh_token
    const refresh = async () => {
      const response = await system.post('/token', refreshParams(client, token))
      if (response.status === 200) token = ((await response.clone().json()) as Tokens).refresh_token
      return response
    }
    for (const { reply, means } of refusals.filter((one) => one.means !== 'final')) {
      token = await grow(system, client, token)
      await survives(system, refresh, reply, means)
      counts[means]++
    }
    return counts
  } finally {
    await system.close()
  }
}

async function ends(
  system: ImitatedSystem,
  act: (imitation: ImitatedSystem['imitation']) => unknown,
  about: string,
): Promise<void> {
  const { client, tokens } = await connectImitated(system)
  const current = await grow(system, client, tokens.refresh_token)
  system.events.length = 0
  act(system.imitation)
  const answer = await outcome(await system.post('/token', refreshParams(client, current)))
  expect(answer, about).toEqual([400, 'invalid_grant'])
  expect(system.events.filter(({ type }) => type === 'grant-ended')).toHaveLength(1)
}

async function survives(
  system: ImitatedSystem,
  refresh: () => Promise<Response>,
  reply: object,
  means: Means,
): Promise<void> {
  system.events.length = 0
  system.imitation.faults.push({ at: 'refresh', fault: reply })
  const response = await refresh()
  const about = JSON.stringify([reply, system.events])
  // What passes at once is tried again within the request.
  expect([200, 503], about).toContain(response.status)
  if (means === 'configuration') {
    expect(response.status, about).toBe(503)
    expect(
      system.events.map(({ reason }) => reason),
      about,
    ).toContain('provider-refuses-application')
  }
  if (response.status === 503) expect((await refresh()).status, about).toBe(200)
  expect(
    system.events.filter(({ type }) => type === 'grant-ended'),
    about,
  ).toEqual([])
  expect(system.imitation.faults, about).toEqual([])
}

/** Signs in with a rule that the user meets, and with one that the user does not meet. */
async function knowsGroups(row: Row): Promise<'ok' | 'none'> {
  if (!row.groups) return 'none'
  const { in: met, out: unmet, claims } = row.groups
  for (const [rule, isIn] of [
    [met, true],
    [unmet, false],
  ] as const) {
    const system = await start(row, { allow: [rule] })
    try {
      if (claims) system.imitation.ids.tamper = (draft) => void Object.assign(draft.claims, claims)
      const { last } = await signInImitated(system, await register(system)).catch(() => ({ last: '' }))
      const away = system.events.some(({ type }) => type === 'turned-away')
      expect([String(last).includes('code='), away], `${rule} ${JSON.stringify(system.events)}`).toEqual([
        isIn,
        !isIn,
      ])
      expect(system.imitation.complaints).toEqual([])
    } finally {
      await system.close()
    }
  }
  return 'ok'
}
