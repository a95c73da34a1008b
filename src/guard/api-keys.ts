import { equal } from '../crypto/compare.ts'
import { hexDigest } from '../crypto/digest.ts'
import { KEY_ID_LENGTH, type Keyring } from '../crypto/keyring.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { GRANT_PATTERN, userKey } from '../grants/grant-key.ts'
import { withTimeout } from '../http/timeout.ts'
import {
  type ApiKeyIdentity,
  type ApiKeyOptions,
  isApiKeyIdentity,
  type VerifyApiKey,
} from '../options/api-keys.ts'
import type { Auth } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { Clock } from '../ports.ts'
import { ms, seconds } from '../timing.ts'
import { type AskAboutKey, createVerifiedKeys, type ShownKey } from './verified-keys.ts'

/** Knows the keys: those that are configured, and by whom to ask about others. */
export interface ApiKeys {
  /** Whose request it is that carries this bearer token; `undefined` where the token is no key. */
  open(token: string, resource: Resource): ShownKey | undefined | Promise<ShownKey | undefined>
}

/** What `auth.clientId` and events call every client that shows a key. */
export const API_KEY_CLIENT = 'api-key'

/** A hash without salt protects only what cannot be guessed: anything shorter is no key, whatever its hash. */
const SHORTEST = 32

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
      cause === undefined ? 'it returned something else than an identity' : 'it threw, or took too long',
    cause,
    retryAfter: seconds.retryLater,
  })

/**
 * Configured keys do not expire: one ends when it is taken out of the configuration.
 *
 * @param ports.verify The operator's own word on keys that are not configured.
 * @param ports.provider Asked about what `verify` does not know.
 * @param ports.scopes Those a key has that names none.
 * @param ports.ttl Seconds from now that `auth.expiresAt` says, since MCP servers want one.
 * @param ports.verifiedTtl Seconds after which `verify` and `provider` are asked again.
 */
export function createApiKeys(
  configured: readonly ApiKeyOptions[],
  ports: {
    keyring: Keyring
    issuer: string
    verify: VerifyApiKey | undefined
    provider: AskAboutKey | undefined
    scopes: readonly string[]
    ttl: number
    verifiedTtl: number
    now: Clock
    emit: Emit
  },
): ApiKeys {
  const { keyring, issuer, verify, provider, scopes, ttl, verifiedTtl, now, emit } = ports
  // No provider has this issuer, so that no key is ever the user of a sign-in.
  const userOf = ({ name, user }: ApiKeyIdentity) =>
    userKey(keyring, { issuer, tenant: API_KEY_CLIENT, subject: user ?? name, claims: {} })
  const keys = configured.map((key) => ({ ...key, userId: userOf(key) }))
  const used = new Set<string>()

  function show(token: string, resource: Resource, key: ApiKeyIdentity, user: string, ttl: number): ShownKey {
    const { name, scopes: own = scopes } = key
    const auth: Auth = {
      token,
      clientId: API_KEY_CLIENT,
      scopes: own.filter((scope) => scopes.includes(scope)),
      expiresAt: now() + ttl,
      resource: new URL(resource.id),
      extra: { apiKey: name, clientName: name },
      user: { id: user, emailVerified: false, claims: {} },
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
      throw verifierFailed(error)
    }
    if (said === undefined) return provider?.(token, resource)
    if (!isApiKeyIdentity(said)) throw verifierFailed()
    const user = userOf(said)
    tell(said.name, user)
    return show(token, resource, said, user, verifiedTtl)
  }

  const verified = verify || provider ? createVerifiedKeys(ask, { now, ttl: verifiedTtl }) : undefined

  /** What this server issued itself, expired or of another kind, is nobody else's to see. */
  const isOwn = (token: string) =>
    keyring.byId(token.slice(0, KEY_ID_LENGTH)) !== undefined || OF_A_GRANT.test(token)

  return {
    open(token, resource) {
      if (keys.length > 0 && token.length >= SHORTEST) {
        const hash = hexDigest(token)
        const found = keys.filter((key) => equal(key.keyHash, hash))[0]
        if (found) {
          if (!used.has(found.name)) tell(found.name, found.userId)
          used.add(found.name)
          return show(token, resource, found, found.userId, ttl)
        }
      }
      return verified && token !== '' && !isOwn(token) ? verified(token, resource) : undefined
    },
  }
}
