import type { Sealer } from '../crypto/seal.ts'
import type { Identity, UpstreamTokens } from '../ports.ts'
import { invalidGrant } from '../refusals.ts'
import type { Connection, Grant } from './grant.ts'
import { type GrantKey, recordKey } from './grant-key.ts'
import { signInConnection } from './record.ts'

/** Seals and opens the parts of a record that must not be readable in the storage. */
export interface SealedParts {
  sealIdentity(key: GrantKey, identity: Identity): string
  /** @throws {OAuthError} `invalid_grant` if no secret opens it. */
  identityOf(key: GrantKey, grant: Grant): Identity
  /** Returns the identity, or `undefined` if no secret opens it. */
  readableIdentity(key: GrantKey, grant: Grant): Identity | undefined
  /** Returns the grant with another identity of the same user. @param at Seconds since the epoch. */
  withIdentity(key: GrantKey, grant: Grant, identity: Identity, at: number): Grant
  /** Returns the grant with other tokens, in a connection without marks. */
  withTokens(key: GrantKey, grant: Grant, tokens: UpstreamTokens): Grant
  /**
   * Returns the tokens of the provider that the user signed in at, if there are any.
   *
   * @throws {OAuthError} `invalid_grant` if no secret opens them.
   */
  tokensOf(key: GrantKey, grant: Grant): UpstreamTokens | undefined
  /** Seals the placeholder for the tokens of a grant that has none. */
  sealNoTokens(key: GrantKey): string
  /** Returns the grant with all parts sealed with the current secret, so that a previous one can be dropped in time. */
  reseal(key: GrantKey, grant: Grant): Grant
}

const NO_TOKENS: UpstreamTokens = { accessToken: '' }

export function createSealedParts(sealer: Sealer): SealedParts {
  const placeOf = (part: string, key: GrantKey) => `${part}\n${recordKey(key)}`

  /** Tokens are bound to their provider, so that those of one are never sent to another. */
  const tokensPart = (grant: Pick<Grant, 'origin'>, id: string) =>
    id === signInConnection(grant) ? 'tokens' : `tokens of ${id}`

  const seal = (part: string, key: GrantKey, value: unknown) =>
    sealer.seal('grant', placeOf(part, key), value)

  function open(part: string, key: GrantKey, sealed: string): unknown {
    const value = sealer.open('grant', placeOf(part, key), sealed)
    if (value === undefined) throw invalidGrant('record-unreadable', part)
    return value
  }

  const renew = (part: string, key: GrantKey, sealed: string) =>
    sealer.isCurrent(sealed) ? sealed : seal(part, key, open(part, key, sealed))

  return {
    sealIdentity: (key, identity) => seal('identity', key, identity),
    identityOf: (key, grant) => open('identity', key, grant.identity) as Identity,
    readableIdentity: (key, grant) =>
      sealer.open('grant', placeOf('identity', key), grant.identity) as Identity | undefined,
    withIdentity: (key, grant, identity, at) => ({
      ...grant,
      identity: seal('identity', key, identity),
      identityAt: at,
    }),
    withTokens(key, grant, tokens) {
      const id = signInConnection(grant)
      const sealed = seal(tokensPart(grant, id), key, tokens)
      return { ...grant, connections: { ...grant.connections, [id]: { sealed } } }
    },
    tokensOf(key, grant) {
      const id = signInConnection(grant)
      const connection = grant.connections[id]
      const tokens = connection && (open(tokensPart(grant, id), key, connection.sealed) as UpstreamTokens)
      return tokens?.accessToken === NO_TOKENS.accessToken ? undefined : tokens
    },
    sealNoTokens: (key) => seal('tokens', key, NO_TOKENS),
    reseal(key, grant) {
      const connections = Object.entries(grant.connections).map(([id, one]): [string, Connection] => [
        id,
        { ...one, sealed: renew(tokensPart(grant, id), key, one.sealed) },
      ])
      return {
        ...grant,
        identity: renew('identity', key, grant.identity),
        connections: Object.fromEntries(connections),
      }
    },
  }
}
