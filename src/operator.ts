import { decodeJwt } from 'jose/jwt/decode'
import { type Context, createContext } from './context.ts'
import { type Grant, providerOf } from './grants/grant.ts'
import type { GrantKey } from './grants/grant-key.ts'
import { isOwn } from './grants/own.ts'
import { hashOf, ownerOf } from './grants/owner.ts'
import type { ProxyOptions } from './options/options.ts'
import { readOptions } from './options/settings.ts'
import type { Identity } from './ports.ts'
import type { ReasonCode } from './reasons/reasons.ts'
import { LONGEST_WAIT } from './timing.ts'

/** One grant, as an operator sees it. Times are seconds since the epoch. */
export interface GrantSummary {
  readonly user: string
  readonly id: string
  readonly client: string
  readonly clientName: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly createdAt: number
  /** The time of the last exchange or refresh. */
  readonly usedAt: number
  readonly expiresAt: number
  /** The user who approved it, by the provider. Absent if no secret opens the record any more. */
  readonly account?: { readonly subject: string; readonly email?: string; readonly name?: string } | undefined
}

/** A grant whose user `allow` does not admit any more. */
export interface JudgedGrant extends GrantSummary {
  readonly reason: ReasonCode
  /** The rule that the user does not meet, if it is known. */
  readonly detail?: string
  /** `true` if the grant has been ended. */
  readonly ended: boolean
}

/** The operator's view of the stored grants. */
export interface OperatorGrants {
  /**
   * Lists the living grants of one user, by the `user` of events and of {@link Auth.user}. A record that cannot be read is
   * skipped, and named in a `failed` event.
   */
  list(user: string): Promise<GrantSummary[]>
  /**
   * Lists the living grants of all users in the storage, in no order. Reads records when the caller gets to them, so that the caller may
   * stop. A record that cannot be read is skipped, and named in a `failed` event.
   *
   * @param options.limit The largest number. Default: 1000.
   */
  all(options?: { limit?: number }): AsyncIterable<GrantSummary>
  /**
   * Ends a grant, here and at the provider, and the remembered approvals of its client. A record that cannot be read is
   * removed, and the tokens at the provider stay.
   *
   * @param options.wait The longest wait for the provider, in seconds. Default: 3. Attempts go on afterwards, for at most
   * 30 seconds.
   * @returns `true` if there was such a grant.
   */
  revoke(key: { user: string; id: string }, options?: { wait?: number }): Promise<boolean>
  /**
   * Judges the user of every grant by `allow` as it is now, and lists the grants whose users it does not admit. `allow`
   * also judges at every refresh; this ends access before that. Grants of another deployment on the same storage are left
   * out.
   *
   * @param options.end Ends these grants, here and at the provider. Default: `false`.
   * @throws {OAuthError} If `allow` is a function that throws or is late.
   */
  judge(options?: { end?: boolean }): AsyncIterable<JudgedGrant>
}

export function createOperatorGrants(ctx: Context): OperatorGrants {
  const { grants, approvals, upstreams, admitUser, endTokens, emit } = ctx

  /** Ends a grant, even if the request of the operator is cancelled. */
  function end(
    key: GrantKey,
    about: { reason: ReasonCode; detail?: string | undefined },
    wait = 3,
  ): Promise<boolean> {
    const ending = endNow(key, about, wait)
    ctx.keepAlive(ending.catch(() => {}))
    return ending
  }

  async function endNow(
    key: GrantKey,
    about: { reason: ReasonCode; detail?: string | undefined },
    wait: number,
  ): Promise<boolean> {
    const ended = await grants.end(key)
    if (!ended) return false
    const { grant } = ended
    await approvals?.forget(key.user, grant?.client)
    const owner = ownerOf(key, grant)
    emit({ type: 'grant-ended', ...owner, ...about })
    // The providers of another deployment are not these.
    if (grant && isOwn(ctx.settings, grant))
      await atMost(
        endTokens(owner, () => grants.tokensOf(key, grant)),
        wait,
      )
    return true
  }

  return {
    async list(id) {
      const user = hashOf(id)
      const found: GrantSummary[] = []
      for await (const { key, grant } of grants.list(user)) found.push(summarise(ctx, key, grant, {}))
      return found
    },
    async *all({ limit = 1000 } = {}) {
      if (limit < 1) return
      let left = limit
      for await (const { key, grant } of grants.list()) {
        yield summarise(ctx, key, grant, {})
        if (--left === 0) return
      }
    },
    revoke: ({ user, id }, { wait } = {}) => end({ user, id }, { reason: 'revoked-by-operator' }, wait),
    async *judge({ end: ends = false } = {}) {
      for await (const { key, grant } of grants.list()) {
        if (!isOwn(ctx.settings, grant)) continue
        const upstream = grant.origin.type === 'sign-in' ? upstreams.find(providerOf(grant)) : undefined
        const identity = upstream && grants.readableIdentity(key, grant)
        const refusal = identity && (await admitUser(upstream, identity))
        if (!refusal) continue
        const { reason, detail } = refusal
        const ended = ends && (await end(key, refusal))
        yield summarise(ctx, key, grant, { reason, ...(detail !== undefined && { detail }), ended })
      }
    },
  }
}

/** Waits for work, for at most so many seconds. */
async function atMost(work: Promise<unknown>, seconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.min(seconds, LONGEST_WAIT) * 1000)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

/** Returns a summary. It decrypts the account when that is first read, which costs more than the rest of a long list. */
function summarise<M extends object>(ctx: Context, key: GrantKey, grant: Grant, more: M): GrantSummary & M {
  const { client, clientName, resource, scope, createdAt, rotatedAt, expiresAt } = grant
  let account: GrantSummary['account'] | null = null
  return {
    ...key,
    client,
    clientName,
    resource,
    scope,
    createdAt,
    usedAt: rotatedAt,
    expiresAt,
    ...more,
    get account() {
      if (account === null) account = accountOf(ctx.grants.readableIdentity(key, grant))
      return account
    },
  }
}

const accountOf = (identity: Identity | undefined): GrantSummary['account'] =>
  identity && {
    subject: identity.subject,
    ...(identity.email && { email: identity.email }),
    ...(identity.name && { name: identity.name }),
  }

/** The facts of an exchanged token. They are absent if the token is opaque. */
export interface TriedExchange {
  readonly resource: string
  readonly audience?: readonly string[]
  readonly scope?: string
  /** Seconds since the epoch. */
  readonly expiresAt?: number
}

/**
 * Exchanges the provider's token of a grant, as a request to its MCP server would.
 *
 * @returns Nothing of the token but these facts; `undefined` if there is no such grant, or its server has no exchange.
 * @throws {OAuthError} If the exchange fails. The grant then has ended if its user has to sign in again.
 */
export async function tryExchange(
  options: ProxyOptions,
  key: { user: string; id: string },
): Promise<TriedExchange | undefined> {
  const ctx = createContext(readOptions(options))
  const grant = (await ctx.grants.find(key))?.grant
  const resource = ctx.settings.resources.find(({ id, exchange }) => exchange && id === grant?.resource)
  if (!grant || !resource) return undefined
  const token = await ctx.exchanged.token(key, resource, grant.scope)
  return { resource: resource.id, ...factsOf(token) }
}

function factsOf(token: string): Omit<TriedExchange, 'resource'> {
  try {
    const { aud, exp, scope, scp } = decodeJwt<{ scope?: unknown; scp?: unknown }>(token)
    const named = [scope ?? scp ?? []].flat().filter((one) => typeof one === 'string')
    return {
      ...(aud !== undefined && { audience: [aud].flat() }),
      ...(named.length > 0 && { scope: named.join(' ') }),
      ...(exp !== undefined && { expiresAt: exp }),
    }
  } catch {
    return {}
  }
}
