import type { Store } from 'lockgate'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AssertionIssuer,
  ID_JAG,
  JWT_BEARER,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { outcome, REDIRECT, type StartedSystem, startSystem } from '../support/system.ts'

interface Shared {
  open(): Store & { close?(): Promise<void> }
  stop(): Promise<void>
}

const ENGINES: readonly [name: string, missing: string | undefined, start: () => Promise<Shared>][] = [
  [
    'Redis',
    noRedis,
    async () => {
      const { url, stop } = await startRedis()
      return { open: () => redis({ url }), stop }
    },
  ],
  [
    'PostgreSQL',
    noPostgres,
    async () => {
      const { url, stop } = await startPostgres()
      return { open: () => postgres({ url }), stop }
    },
  ],
]

const SECRET = 'the secret of an enterprise client'
const INSTANCES = 3
const PRESENTATIONS = 200

describe.each(ENGINES)('three instances on one %s', (_name, missing, start) => {
  if (missing) console.warn(`Left out: needs ${missing}.`)
  let [idp, shared]: [AssertionIssuer, Shared] = [] as never
  let stores: ReturnType<Shared['open']>[] = []
  let systems: StartedSystem[] = []
  beforeAll(async () => {
    if (missing) return
    ;[idp, shared] = await Promise.all([startAssertionIssuer(), start()])
    stores = Array.from({ length: INSTANCES }, () => shared.open())
    const options = {
      clients: [{ clientId: 'claude', clientSecret: SECRET, redirectUris: [REDIRECT] }],
      trustedIssuers: [{ issuer: idp.issuer, use: ['id-jag' as const] }],
      limits: false as const,
    }
    systems = await Promise.all(stores.map((storage) => startSystem({ storage, ...options })))
  })
  afterAll(async () => {
    await Promise.all([...systems, ...stores, idp].map((each) => each?.close?.()))
    await shared?.stop()
  })

  test.skipIf(missing)('give one token for one assertion, of two hundred presentations at once', async () => {
    const now = Math.floor(Date.now() / 1000)
    const { url } = systems[0]!
    const about = { iss: idp.issuer, sub: 'ann', aud: url, client_id: 'claude', jti: crypto.randomUUID() }
    const assertion = await idp.sign({ ...about, iat: now, exp: now + 300 }, ID_JAG)
    const form = { grant_type: JWT_BEARER, client_id: 'claude', client_secret: SECRET, assertion }
    const answers = await Promise.all(
      Array.from({ length: PRESENTATIONS }, async (_, index) =>
        outcome(await systems[index % INSTANCES]!.post('/token', form)),
      ),
    )
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1)
    // An engine that is slow under this load may refuse for now, but never accepts.
    const codes = new Set(answers.flatMap(([, code]) => code ?? []))
    expect(codes.has('invalid_grant')).toBe(true)
    expect(
      [...codes].filter((code) => code !== 'invalid_grant' && code !== 'temporarily_unavailable'),
    ).toEqual([])
  })
})
