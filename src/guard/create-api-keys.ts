import type { Keyring } from '../crypto/keyring.ts'
import type { Emit } from '../events/event.ts'
import type { UserIds } from '../grants/user-ids.ts'
import type { Settings } from '../options/options.ts'
import type { KeepAlive } from '../ports.ts'
import type { AdmitUser } from '../upstream/admit-user.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { API_KEY_CLIENT, type ApiKeys, createApiKeys } from './api-keys.ts'
import { createProviderBearer } from './provider-bearer.ts'

/** Makes the keys of a proxy: those of the operator, and tokens of the provider if they are accepted. */
export function apiKeysOf(
  settings: Settings,
  ports: {
    keyring: Keyring
    userIds: UserIds
    upstreams: Upstreams
    admitUser: AdmitUser
    emit: Emit
    keepAlive?: KeepAlive | undefined
  },
): ApiKeys {
  const { keyring, userIds, upstreams, admitUser, emit, keepAlive } = ports
  const { issuer, now, apiKeyTtl: ttl, providerTokens } = settings
  const upstream = providerTokens && upstreams.find(undefined)
  const about = { client: API_KEY_CLIENT, admitUser, userIds, ttl, now, emit }
  return createApiKeys(settings.apiKeys, {
    keyring,
    userIds,
    issuer,
    verify: settings.verifyApiKey,
    provider: upstream && createProviderBearer({ ...about, upstream, scopes: providerTokens }),
    verifiedTtl: ttl,
    keepAlive,
    scopes: Object.keys(settings.scopes),
    ttl: settings.accessTokenTtl,
    now,
    emit,
  })
}
