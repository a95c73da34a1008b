import { isWithin } from '../age.ts'
import { createBoundedMap } from '../bounded-map.ts'
import type { OAuthError } from '../errors.ts'
import { type Grant, kindOf, providerOf } from '../grants/grant.ts'
import { formatGrantKey, type GrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import type { LiveGrant } from '../grants/live-grants.ts'
import { principalOf } from '../grants/owner.ts'
import { trimBlanks } from '../http/blanks.ts'
import type { AuthFacts } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import { invalidToken, tokenTwice } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { AccessClaims, AccessTokens } from '../tokens/access-token.ts'
import type { SignedTokens } from '../tokens/signed-token.ts'
import type { Admission } from './admission.ts'
import type { ApiKeys } from './api-keys.ts'
import { lacksScope } from './lacks-scope.ts'
import type { WorkloadBearers } from './workload-bearers.ts'

/** Decides whether a request may reach a protected resource. */
export interface Guard {
  /**
   * Judges an `Authorization` header. Returns at once if this process knows the token and has read its grant within
   * `revocationLag`.
   *
   * @param at The time by the clock that is never set back.
   * @returns The refusal, `invalid_token` or `insufficient_scope`, or `undefined` if the header carries no bearer token.
   * @throws {OAuthError} The same if the token was looked up, and `temporarily_unavailable` if the storage fails.
   */
  admit(authorization: string | null, resource: Resource, at: number): Admitted | Promise<Admitted>
}

/** An admission or a refusal. Most refusals are not thrown, because a flood of invalid tokens would pay most for that. */
export type Admitted = Admission | OAuthError | undefined

interface Known extends Admission {
  readonly key: GrantKey
  readonly claims: AccessClaims
  live: LiveGrant
  /** The sealed identity that `auth.user` was read from. */
  sealed: string
}

/** Tokens that are kept, and their size with the identities of their users, in bytes. */
const LIMIT = 10_000
const MAX_BYTES = 64 * 1024 * 1024
/** The size of an entry without its token and identity, in bytes. */
const ENTRY = 1500
/** Bytes of altered and expired tokens that are remembered. */
const MAX_ALTERED_BYTES = 1024 * 1024
/** Characters of the longest token that is looked at. */
const MAX_TOKEN = 8192

const strangerOf = ({ origin }: Grant) =>
  origin.type === 'assertion' ? 'issuer-not-configured' : 'provider-not-configured'

const SPACED_JWT = /^e[wy](?=[^.]*\.[^.]*\.[^.]*$)[^ ]* /

/** Opens a token once per process, and reads its grant once per `revocationLag`. Other requests cost two look-ups in memory. */
export function createGuard(ports: {
  accessTokens: AccessTokens
  /** Absent if no server has signed access tokens. */
  signedTokens: SignedTokens | undefined
  apiKeys: ApiKeys
  grants: Grants
  /** Returns whether a grant's provider is still one of this resource's, or its issuer is still trusted. */
  belongs: (grant: Grant, resource: Resource) => boolean
  /** Tokens of workloads. Absent if none are accepted. */
  bearers: WorkloadBearers | undefined
  upstreamToken: (key: GrantKey, refused?: string) => Promise<string>
  scopes: ScopeTable
  now: Clock
  /** A clock that is never set back. */
  uptime: Clock
  revocationLag: number
  keepAlive?: KeepAlive | undefined
}): Guard {
  const { accessTokens, signedTokens, apiKeys, bearers, grants, belongs, upstreamToken } = ports
  const { scopes, now, uptime, revocationLag } = ports
  const known = createBoundedMap<string, Known>({
    entries: LIMIT,
    bytes: {
      limit: MAX_BYTES,
      of: (name, { live }) => ENTRY + name.length + (live.grant?.identity.length ?? 0),
    },
  })
  /** Signatures under way, so that each token is verified once. */
  const opening = createSingleFlight<AccessClaims | undefined>({ keepAlive: ports.keepAlive })
  /** Texts that look like access tokens, and the time from which each is refused: altered ones, and those that expired. */
  const refused = createBoundedMap<string, number>({
    entries: LIMIT,
    bytes: { limit: MAX_ALTERED_BYTES, of: (token) => 100 + token.length },
  })
  /** The opened identity of each grant, which all its tokens share. */
  const users = new WeakMap<LiveGrant, { readonly sealed: string; readonly user: AuthFacts['user'] }>()

  function openOnce(token: string): AccessClaims | undefined {
    const time = now()
    if ((refused.get(token) ?? Number.POSITIVE_INFINITY) <= time) return undefined
    const claims = accessTokens.open(token, Number.NEGATIVE_INFINITY)
    if (claims && claims.expiresAt > time) return claims
    if (accessTokens.isShaped(token)) refused.set(token, claims?.expiresAt ?? Number.NEGATIVE_INFINITY)
    return undefined
  }

  function userOf(key: GrantKey, live: LiveGrant, grant: Grant): AuthFacts['user'] {
    const before = users.get(live)
    if (before?.sealed === grant.identity) return before.user
    const { email, emailVerified, name, claims } = grants.identityOf(key, grant)
    const [id, kind] = [principalOf(key, grant), kindOf(grant)]
    const user = { id, kind, email, emailVerified: emailVerified === true, name, claims }
    users.set(live, { sealed: grant.identity, user })
    return user
  }

  /** Judges a token that was not issued here. A flood of random tokens comes this way. */
  function admitByKey(token: string, resource: Resource): Admitted | Promise<Admitted> {
    const workload = bearers?.open(token, resource)
    if (workload) return workload
    const shown = apiKeys.open(token, resource)
    return shown instanceof Promise ? shown.then((one) => judgeKey(one, resource)) : judgeKey(shown, resource)
  }

  function judgeKey(admission: Admission | undefined, resource: Resource): Admitted {
    if (!admission) return invalidToken('unknown-token')
    return lacksScope(admission.auth.scopes, resource, scopes, admission.clientName) ?? admission
  }

  /** Judges a text that claims to be a signed token of this server. Such a text is shown to no other party. */
  async function admitSigned(name: string, token: string, resource: Resource): Promise<Admitted> {
    if (!resource.signed) return invalidToken('token-of-another-resource')
    const claims = await opening.join(name, () => signedTokens!.open(token, now()))
    if (!claims) return invalidToken('unknown-token')
    return judge(known.get(name) ?? (await remember(name, token, claims, resource)), name, resource)
  }

  async function remember(
    name: string,
    token: string,
    claims: AccessClaims,
    resource: Resource,
  ): Promise<Known> {
    const { key } = claims
    const live = await grants.live(key)
    const { grant } = live
    if (!grant) throw invalidToken('grant-not-found')
    if (!belongs(grant, resource)) throw invalidToken(strangerOf(grant))
    const provider = providerOf(grant)
    const auth: AuthFacts = {
      token,
      clientId: claims.client,
      scopes: [...claims.scope],
      expiresAt: claims.expiresAt,
      resource: new URL(claims.resource),
      extra: { grant: formatGrantKey(key), clientName: grant.clientName },
      user: userOf(key, live, grant),
      upstream: { provider, accessToken: (options) => upstreamToken(key, options?.refused) },
    }
    const { clientName } = grant
    const entry: Known = {
      claims,
      live,
      sealed: grant.identity,
      auth,
      key,
      clientName,
      grant: formatGrantKey(key),
      provider,
      expiresAt: claims.expiresAt,
      stands() {
        return isRecent(entry) ? isGood(entry) : renew(entry).then(() => isGood(entry))
      },
    }
    known.set(name, entry)
    return entry
  }

  const isRecent = ({ live }: Known, at = uptime()): boolean => isWithin(live.checkedAt, at, revocationLag)

  const renew = async (entry: Known): Promise<void> => {
    entry.live = await grants.live(entry.key)
  }

  /** Returns whether `auth.user` is what the grant says now. A refresh or a check may have learned something else. */
  function isCurrent(entry: Known): boolean {
    const sealed = entry.live.grant?.identity ?? entry.sealed
    if (sealed !== entry.sealed) return false
    // The same text of a later read: the next comparison costs nothing.
    entry.sealed = sealed
    return true
  }

  const isGood = ({ claims, live: { grant } }: Known, time = now()): boolean =>
    grant !== undefined && grant.epoch <= claims.epoch && grant.expiresAt > time

  /** Checks what can change while a token is known. */
  function judge(entry: Known, name: string, resource: Resource, time = now()): Admitted | Promise<Admitted> {
    const { claims } = entry
    if (!isGood(entry, time)) {
      known.delete(name)
      return invalidToken('token-revoked')
    }
    if (claims.resource !== resource.id) return invalidToken('token-of-another-resource')
    if (!isCurrent(entry))
      return remember(name, entry.auth.token, claims, resource).then((one) => judge(one, name, resource))
    return lacksScope(claims.scope, resource, scopes) ?? entry
  }

  return {
    admit(authorization, resource, at) {
      if (authorization === null) return undefined
      // Nearly every client sends this very spelling. Others share its entry, so that one token has one entry.
      let name = authorization
      let entry = known.get(name)
      if (!entry) {
        // Workers leave the blanks after a value in place.
        const value = trimBlanks(authorization)
        if (!/^bearer /i.test(value)) return undefined
        const token = value.slice('bearer '.length).replace(/^ +/, '')
        if (token.length > MAX_TOKEN) return invalidToken('unknown-token')
        name = `Bearer ${token}`
        entry = known.get(name)
        if (!entry) {
          // Several fields of this name arrive as one value.
          if (/, *bearer /i.test(token)) return tokenTwice()
          // A token is printable ASCII. API keys may contain spaces. A JWT may not, because decoders skip them.
          if (!/^[\x20-\x7e]+$/.test(token) || SPACED_JWT.test(token)) return invalidToken('unknown-token')
          const claims = openOnce(token)
          if (!claims) {
            if (signedTokens?.claimsToBeOwn(token)) return admitSigned(name, token, resource)
            return admitByKey(token, resource)
          }
          return remember(name, token, claims, resource).then((found) => judge(found, name, resource))
        }
      }
      const time = now()
      if (entry.claims.expiresAt <= time) {
        known.delete(name)
        return invalidToken('token-expired')
      }
      if (isRecent(entry, at)) return judge(entry, name, resource, time)
      const old = entry
      return renew(old).then(() => judge(old, name, resource))
    },
  }
}
