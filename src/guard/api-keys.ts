import type { Auth } from '../auth.ts'
import type { Resource } from '../config.ts'
import { equal } from '../crypto/compare.ts'
import { hexDigest } from '../crypto/digest.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { userKey } from '../grants/grant-key.ts'
import type { Clock } from '../ports.ts'
import type { ApiKeyOptions } from '../protocol/api-key-schema.ts'

/** Knows the configured keys. */
export interface ApiKeys {
  /** Whose request it is that carries this bearer token; `undefined` where the token is none of the keys. */
  open(
    token: string,
    resource: Resource,
  ): { readonly auth: Auth; readonly clientName: string; readonly provider: undefined } | undefined
}

/** What `auth.clientId` and events call every client that shows a key. */
const API_KEY_CLIENT = 'api-key'

/** A hash without salt protects only what cannot be guessed: anything shorter is no key, whatever its hash. */
const SHORTEST = 32

const noUpstream = async (): Promise<string> => {
  throw new OAuthError('access_denied', 'An API key has no sign-in at the identity provider', {
    reason: 'the token of the provider is asked for on behalf of an API key',
  })
}

/**
 * Keys do not expire: one ends when it is taken out of the configuration.
 *
 * @param ports.scopes Those a key has that names none.
 * @param ports.ttl Seconds from now that `auth.expiresAt` says, since MCP servers want one.
 */
export function createApiKeys(
  configured: readonly ApiKeyOptions[],
  ports: {
    keyring: Keyring
    issuer: string
    scopes: readonly string[]
    ttl: number
    now: Clock
    emit: Emit
  },
): ApiKeys {
  const { keyring, issuer, scopes, ttl, now, emit } = ports
  const keys = configured.map(({ keyHash, name, user, scopes: own }) => ({
    hash: keyHash,
    name,
    scopes: own ?? scopes,
    // No provider has this issuer, so that no key is ever the user of a sign-in.
    user: userKey(keyring, { issuer, tenant: API_KEY_CLIENT, subject: user ?? name, claims: {} }),
  }))
  const used = new Set<string>()
  return {
    open(token, resource) {
      if (keys.length === 0 || token.length < SHORTEST) return undefined
      const hash = hexDigest(token)
      const found = keys.filter((key) => equal(key.hash, hash))[0]
      if (!found) return undefined
      const { name, user } = found
      if (!used.has(name)) {
        used.add(name)
        emit({ type: 'api-key-used', client: API_KEY_CLIENT, user, reason: name })
      }
      const auth: Auth = {
        token,
        clientId: API_KEY_CLIENT,
        scopes: [...found.scopes],
        expiresAt: now() + ttl,
        resource: new URL(resource.id),
        extra: { apiKey: name, clientName: name },
        user: { id: user, emailVerified: false, claims: {} },
        upstream: { provider: undefined, accessToken: noUpstream },
      }
      return { auth, clientName: name, provider: undefined }
    },
  }
}
