import { equal } from '../crypto/compare.ts'
import { hexDigest } from '../crypto/digest.ts'
import { KEY_ID_LENGTH, type Keyring } from '../crypto/keyring.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { GRANT_PATTERN } from '../grants/grant-key.ts'
import type { NameUser, UserIds } from '../grants/user-ids.ts'
import { withTimeout } from '../http/timeout.ts'
import {
  type ApiKeyIdentity,
  type ApiKeyOptions,
  isApiKeyIdentity,
  type VerifyApiKey,
} from '../options/api-keys.ts'
import type { AuthFacts } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import { ms, seconds } from '../timing.ts'
import type { Admission } from './admission.ts'
import { type AskAboutKey, createVerifiedKeys, type ShownKey } from './verified-keys.ts'

/** Keys that are accepted as bearer tokens: configured ones, and those that `verifyApiKey` or a provider knows. */
export interface ApiKeys {
  /** Returns the owner of a bearer token, or `undefined` if it is not a valid key. */
  open(token: string, resource: Resource): Admission | undefined | Promise<Admission | undefined>
}

/** The client in `auth.clientId` and events for every request with a key. */
export const API_KEY_CLIENT = 'api-key'

/** Characters of the shortest key. An unsalted hash does not protect a key that can be guessed. */
const SHORTEST = 32

/** A configured key stays valid for as long as the process runs. */
const FOR_EVER = { grant: undefined, expiresAt: undefined, stands: () => true } as const

const OF_A_GRANT = new RegExp(`^${GRANT_PATTERN}\\.`)

const noUpstream = async (): Promise<string> => {
  throw new OAuthError('access_denied', 'An API key has no sign-in at the identity provider', {
    reason: 'no-provider-token',
    detail: 'an API key',
  })
}

const verifierFailed = (cause?: unknown) =>
  new OAuthError('temporarily_unavailable', 'The key cannot be checked at the moment', {
    reason: 'key-check-failed',
    detail:
      cause === undefined ? 'it returned something other than an identity' : 'it threw, or took too long',
    cause,
    retryAfter: seconds.retryLater,
  })

type User = AuthFacts['user']

const partyOf = (id: string): User => ({ id, kind: 'key', emailVerified: false, claims: {} })

/**
 * Configured keys do not expire. To revoke one, remove it from the configuration.
 *
 * @param ports.verify Identifies keys that are not configured.
 * @param ports.provider Identifies keys that `verify` does not know.
 * @param ports.scopes The scopes of a key that names none.
 * @param ports.ttl How far in the future `auth.expiresAt` lies, in seconds. MCP servers need a value.
 * @param ports.verifiedTtl How long a result of `verify` and `provider` is used, in seconds.
 */
export function createApiKeys(
  configured: readonly ApiKeyOptions[],
  ports: {
    keyring: Keyring
    userIds: UserIds
    issuer: string
    verify: VerifyApiKey | undefined
    provider: AskAboutKey | undefined
    scopes: readonly string[]
    ttl: number
    verifiedTtl: number
    keepAlive?: KeepAlive | undefined
    now: Clock
    emit: Emit
  },
): ApiKeys {
  const { keyring, userIds, issuer, verify, provider, scopes, ttl, verifiedTtl, keepAlive, now, emit } = ports
  // No provider has this issuer, so that a key never shares a user with a sign-in.
  const userOf = ({ name, user }: ApiKeyIdentity, nameUser: NameUser) =>
    nameUser({ issuer, tenant: API_KEY_CLIENT, subject: user ?? name, claims: {} })
  /** The users of the configured keys that were used. One object each, so that its signed identity is found again. */
  const users = new Map<ApiKeyOptions, User>()

  function show(token: string, resource: Resource, key: ApiKeyIdentity, user: User, ttl: number): ShownKey {
    const { name, scopes: own = scopes } = key
    const auth: AuthFacts = {
      token,
      clientId: API_KEY_CLIENT,
      scopes: own.filter((scope) => scopes.includes(scope)),
      expiresAt: now() + ttl,
      resource: new URL(resource.id),
      extra: { apiKey: name, clientName: name },
      user,
      upstream: { provider: undefined, accessToken: noUpstream },
    }
    return { auth, clientName: name, provider: undefined }
  }

  const tell = (name: string, user: string) =>
    emit({ type: 'api-key-used', client: API_KEY_CLIENT, user, detail: name })

  async function ask(token: string, resource: Resource): Promise<ShownKey | undefined> {
    let said: unknown
    try {
      said =
        verify &&
        (await withTimeout(Promise.resolve(verify(token, { resource: new URL(resource.id) })), ms.hook))
    } catch (error) {
      throw error instanceof OAuthError ? error : verifierFailed(error)
    }
    if (said === undefined) return provider?.(token, resource)
    if (!isApiKeyIdentity(said)) throw verifierFailed()
    const user = userOf(said, await userIds.naming())
    tell(said.name, user)
    return show(token, resource, said, partyOf(user), verifiedTtl)
  }

  const verified =
    verify || provider ? createVerifiedKeys(ask, { now, ttl: verifiedTtl, keepAlive }) : undefined

  /** Returns whether this server issued a token itself. Such a token is shown to no other party, even if it has expired. */
  const isOwn = (token: string) =>
    keyring.byId(token.slice(0, KEY_ID_LENGTH)) !== undefined || OF_A_GRANT.test(token)

  function showConfigured(
    token: string,
    resource: Resource,
    key: ApiKeyOptions,
    nameUser: NameUser,
  ): Admission {
    let user = users.get(key)
    if (!user) {
      user = partyOf(userOf(key, nameUser))
      users.set(key, user)
      tell(key.name, user.id)
    }
    return { ...show(token, resource, key, user, ttl), ...FOR_EVER }
  }

  return {
    open(token, resource) {
      if (configured.length > 0 && token.length >= SHORTEST) {
        const hash = hexDigest(token)
        const found = configured.filter((key) => equal(key.keyHash, hash))[0]
        if (found) {
          const naming = userIds.naming()
          return typeof naming === 'function'
            ? showConfigured(token, resource, found, naming)
            : naming.then((nameUser) => showConfigured(token, resource, found, nameUser))
        }
      }
      if (!verified || token === '' || isOwn(token)) return undefined
      const ask = () => verified(token, resource)
      const stands = async () => (await ask()) !== undefined
      return ask().then((shown) => shown && { ...shown, grant: undefined, expiresAt: undefined, stands })
    },
  }
}
