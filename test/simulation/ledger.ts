import { GRACE, LAG } from './cluster.ts'
import { type Tenant, userOf } from './tenants.ts'
import type { World } from './world.ts'

/** A property that a history broke. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly rule: string
  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`)
    this.rule = rule
  }
}

/** One sign-in, as its user and its client know it. */
export interface Session {
  readonly number: number
  readonly user: string
  /** The tenant that the user and the client are at, if there are tenants. */
  readonly tenant: Tenant | undefined
  /** The number of its sign-in at the provider. */
  family: number | undefined
  /** `<user>.<id>`, once its code was redeemed. */
  grant: string | undefined
  /** Its code, once the client has one. */
  code?: string
  /** A client, the user or the operator asked to end it. */
  revoked: boolean
  /** Its record was written by someone with access to the store. */
  isForged?: true
}

interface Turn {
  readonly generation: number
  readonly at: number
  /** The time by the clock of the instance that wrote it, in seconds. */
  readonly rotatedAt: number
}

/** An exchange, as its client and its instance saw it. */
interface Exchange {
  readonly sentAt: number
  /** Seconds by which the clock of the instance differed meanwhile. */
  readonly skews: { readonly least: number; readonly most: number }
}

interface GrantFacts {
  readonly turns: Turn[]
  endedAt: number | undefined
  /** When all its access tokens were revoked, last. */
  accessRevokedAt: number | undefined
  /** Generations of refresh tokens that were presented, and when. */
  readonly presented: { readonly generation: number; readonly at: number }[]
  codes: number
}

/** Seconds by which the clocks of healthy instances differ at most. */
const CLOCK_SKEW = 30

const TOKEN = /^([\w-]{22}\.[\w-]{22})\.(\d+)\./

/** The grant and the generation of a refresh token. */
export function readRefreshToken(token: string): { grant: string; generation: number } {
  const [, grant, generation] = TOKEN.exec(token) ?? []
  if (grant === undefined) throw new Error(`not a refresh token: ${token.slice(0, 10)}`)
  return { grant, generation: Number(generation) }
}

/** What happened in one history, as seen from outside, and the rules that it must hold. */
export interface Ledger {
  wrote(key: string, before: unknown, after: unknown): void
  /** A request with a code or a refresh token arrived at an instance. */
  delivered(body: URLSearchParams, tenant: Tenant | undefined): void
  /** A code or refresh token was exchanged. */
  exchanged(given: { code?: string; refreshToken?: string }, response: TokenResponse, about: Exchange): void
  /** An access token passed the guard. */
  passed(
    accessToken: string,
    sentAt: number,
    person: { expected: string; served: readonly (string | undefined)[] },
  ): void
  /** The owner's newest token was refused. */
  refused(session: Session, what: string, accessToken?: string): void
  /** Returns when the request for an access token was sent. The token is not older, but its response may have been slow. */
  requestedAt(accessToken: string): number
  /** Something at the provider explains the end of its sign-ins: a lost response, a death, an overlap. */
  readonly disturbed: Set<number>
  facts(grant: string): GrantFacts
}

export interface TokenResponse {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
}

const isOfAssertion = (value: unknown): boolean =>
  (value as { origin?: { type?: string } } | undefined)?.origin?.type === 'assertion'

interface Stored {
  readonly generation?: number
  readonly rotatedAt?: number
  readonly epoch?: number
  readonly provider?: string
}

/** The rule that is broken if one person is served as another. */
const ruleOf = (expected: string, served: string | undefined): string =>
  served !== undefined && userOf(served) === userOf(expected) ? 'tenants never cross' : 'users never cross'

export function createLedger(
  world: World,
  ports: {
    consistency: 'atomic' | 'process' | 'eventual'
    /** Seconds by which clocks differ at most. */
    spread(): number
    exchanges(): number
  },
): Ledger {
  const grants = new Map<string, GrantFacts>()
  const codes = new Map<string, Set<string>>()
  const issued = new Map<string, { grant: string; sentAt: number; at: number }>()
  const disturbed = new Set<number>()
  const created = new Set<string>()
  /** The tenant of each grant, and of each name of a user, as the provider in their records says. */
  const providers = new Map<string, string>()
  const exact = ports.consistency !== 'eventual'

  function facts(grant: string): GrantFacts {
    let known = grants.get(grant)
    if (!known) {
      known = { turns: [], endedAt: undefined, accessRevokedAt: undefined, presented: [], codes: 0 }
      grants.set(grant, known)
    }
    return known
  }

  /** Whether a request went to another tenant than that of the grant. It must then have no effect. */
  const isForeign = (grant: string, tenant: Tenant | undefined): boolean =>
    tenant !== undefined && providers.get(grant)?.startsWith(`${tenant}-`) === false

  const grantOf = (key: string): string | undefined => {
    const [kind, user, id] = key.split(':')
    return kind === 'grant' && user && id ? `${user}.${id}` : undefined
  }

  /** Neither a grant nor the name of a user ever belongs to two tenants. */
  function assertOneTenant(grant: string, { provider }: Stored): void {
    if (provider === undefined) return
    for (const name of [grant, grant.slice(0, grant.indexOf('.'))]) {
      const known: string = providers.get(name) ?? provider
      if (known !== provider) throw new Violation('tenants never cross', `${name}: ${known}, ${provider}`)
      providers.set(name, provider)
    }
  }

  /** Whether something that happened explains that a grant has ended. */
  function isJustified(session: Session): boolean {
    if (
      session.revoked ||
      session.isForged ||
      (session.family !== undefined && disturbed.has(session.family))
    )
      return true
    if (session.grant === undefined) return true
    // Ages from further in the future count as too old, because a wrong clock must not revive a stolen token.
    if (ports.spread() > 30) return true
    const { turns, presented, codes: redeemed } = facts(session.grant)
    if (redeemed > 1) return true
    return presented.some(({ generation, at }) => {
      const successor = turns.find((turn) => turn.generation === generation + 1)
      const used = turns.some((turn) => turn.generation >= generation + 2)
      // The grace begins with the decision. Its write may have been slow.
      const rotatedAt = successor ? Math.min(successor.at, successor.rotatedAt * 1000) : Infinity
      // Presented late, or processed late: either way it was old.
      const late = Math.max(at, world.now()) - rotatedAt > (GRACE - ports.spread() - 2) * 1000
      return used || late
    })
  }

  return {
    disturbed,
    facts,
    wrote(key, before, after) {
      const grant = grantOf(key)
      // Each exchange of an assertion renews its grant, or makes another one after an end.
      if (grant === undefined || isOfAssertion(before) || isOfAssertion(after)) return
      const known = facts(grant)
      if (after !== undefined) created.add(grant)
      if (created.size > ports.exchanges()) {
        throw new Violation('nothing is written before a sign-in', key)
      }
      if (after === undefined) {
        known.endedAt ??= world.now()
        return
      }
      const [was, is] = [before as Stored | undefined, after as Stored]
      assertOneTenant(grant, is)
      if (exact && known.endedAt !== undefined) {
        throw new Violation('an ended grant never comes back', `${grant} was written again`)
      }
      const generation = is.generation ?? 0
      if (generation !== (was?.generation ?? -1))
        known.turns.push({ generation, at: world.now(), rotatedAt: is.rotatedAt ?? 0 })
      if ((is.epoch ?? 0) > (was?.epoch ?? 0)) known.accessRevokedAt = world.now()
    },
    delivered(body, tenant) {
      const code = body.get('code')
      const coded = code?.split('.').slice(0, 2).join('.')
      if (coded && !isForeign(coded, tenant)) facts(coded).codes++
      const token = body.get('refresh_token') ?? (body.has('token') ? body.get('token') : null)
      if (!token || !TOKEN.test(token)) return
      const { grant, generation } = readRefreshToken(token)
      if (isForeign(grant, tenant)) return
      facts(grant).presented.push({ generation, at: world.now() })
    },
    exchanged({ code, refreshToken }, response, { sentAt, skews }) {
      const { grant, generation } = readRefreshToken(response.refresh_token)
      issued.set(response.access_token, { grant, sentAt, at: world.now() })
      if (!exact) return
      if (code !== undefined) {
        const sets = codes.get(code) ?? new Set()
        codes.set(code, sets.add(response.access_token))
        if (sets.size > 1) throw new Violation('a code yields one set of tokens', `${sets.size} sets`)
      }
      if (refreshToken === undefined) return
      const presented = readRefreshToken(refreshToken)
      if (presented.grant !== grant)
        throw new Violation('grants never cross', `${presented.grant} → ${grant}`)
      const { turns, endedAt } = facts(grant)
      const used = turns.find((turn) => turn.generation === presented.generation + 2)
      if (used && used.at < sentAt) {
        throw new Violation('a refresh token whose successor was used is refused', `generation ${generation}`)
      }
      const successor = turns.find((turn) => turn.generation === presented.generation + 1)
      if (successor && successor.at < sentAt) {
        // The age of the successor by the clock of the instance, at the least and at the most.
        const least = sentAt / 1000 + skews.least - successor.rotatedAt - 1
        const most = world.now() / 1000 + skews.most - successor.rotatedAt + 1
        if (least > GRACE)
          throw new Violation('an old refresh token is refused after the grace period', `${least} s`)
        if (most < -CLOCK_SKEW)
          throw new Violation('an old refresh token of unknown age is refused', `${most} s`)
      }
      if (endedAt !== undefined && endedAt < sentAt) {
        throw new Violation('an ended grant issues nothing', grant)
      }
    },
    passed(accessToken, sentAt, { expected, served }) {
      for (const person of served)
        if (person !== expected)
          throw new Violation(ruleOf(expected, person), `${expected} was served as ${person}`)
      const token = issued.get(accessToken)
      if (!token) return
      const { endedAt, accessRevokedAt } = facts(token.grant)
      const lag = (LAG + 2 + (exact ? 0 : 60)) * 1000
      if (endedAt !== undefined && sentAt > endedAt + lag) {
        throw new Violation('no access token of an ended grant passes after the lag', token.grant)
      }
      const revoked = accessRevokedAt !== undefined && token.at < accessRevokedAt
      if (revoked && sentAt > accessRevokedAt! + lag) {
        throw new Violation('no revoked access token passes after the lag', token.grant)
      }
    },
    requestedAt: (accessToken) => issued.get(accessToken)!.sentAt,
    refused(session, what, accessToken) {
      if (!exact) return
      const known = session.grant === undefined ? undefined : facts(session.grant)
      const token = accessToken === undefined ? undefined : issued.get(accessToken)
      if (token && known?.accessRevokedAt !== undefined && token.at <= known.accessRevokedAt) return
      if (!isJustified(session)) {
        throw new Violation(
          'an acknowledged sign-in goes on unless something ended it',
          `${what}, session ${session.number}`,
        )
      }
    },
  }
}
