import { outbound } from '#outbound'
import { type Clients, createClients } from './clients/clients.ts'
import { createEndTokens, type EndTokens } from './connections/end.ts'
import { createUpstreamAccess, type UpstreamAccess } from './connections/refresh.ts'
import { createKeyring, type Keyring } from './crypto/keyring.ts'
import { createSealer, type Sealer } from './crypto/seal.ts'
import { OAuthError } from './errors.ts'
import { createEmit, type Emit } from './events/event.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import { failClosed } from './grants/store-failure.ts'
import { API_KEY_CLIENT, createApiKeys } from './guard/api-keys.ts'
import { createGuard, type Guard } from './guard/guard.ts'
import { createProviderBearer } from './guard/provider-bearer.ts'
import { createLimits, type Limits } from './limits/limits.ts'
import type { Settings } from './options/options.ts'
import type { UpstreamTokens } from './ports.ts'
import { asksForMemberships } from './protocol/allow.ts'
import { type AccessTokens, createAccessTokens } from './tokens/access-token.ts'
import { createUpstreams } from './upstream/create-upstreams.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Everything an endpoint works with; made once, changed by nobody. */
export interface Context {
  readonly settings: Settings
  readonly keyring: Keyring
  readonly sealer: Sealer
  readonly clients: Clients
  readonly grants: Grants
  readonly accessTokens: AccessTokens
  readonly upstreams: Upstreams
  readonly upstreamAccess: UpstreamAccess
  readonly endTokens: EndTokens
  readonly guard: Guard
  readonly limits: Limits
  readonly emit: Emit
}

/** What belongs to one request only. */
export interface Call {
  /** Goes into the event and onto the error page. */
  requestId(): string
  /** Where it comes from, as it is counted; absent where the runtime does not say. */
  address(): string | undefined
  /** Reports an event of this request. */
  readonly emit: Emit
  /** Lets work go on after the answer, where the runtime has to be told so. Its failure is reported, no more. */
  defer(work: Promise<unknown>): void
  /** Lets the answer be silent for as long as it likes, where the runtime has to be told so. */
  keepOpen(): void
}

/** One HTTP endpoint. What it throws becomes an answer in one place. */
export type Endpoint = (request: Request, ctx: Context, call: Call) => Response | Promise<Response>

export function createContext(settings: Settings): Context {
  const { now, issuer, fetch, revocationLag } = settings
  const keyring = createKeyring(settings.secrets)
  const sealer = createSealer(keyring)
  const emit = createEmit(settings.listeners)
  const store = failClosed(settings.storage)
  const grants = createGrants({ store, sealer, now, revocationLag })
  const accessTokens = createAccessTokens(sealer, issuer)
  const upstreams = createUpstreams(settings.upstream, `${issuer}/callback`, ({ id }) => ({
    fetch,
    now,
    memberships: asksForMemberships(settings.allow, id),
  }))
  const endTokens = createEndTokens({ upstreams, emit })
  const upstreamAccess = createUpstreamAccess({
    grants,
    upstreams,
    scopes: settings.scopes,
    now,
    emit,
    endTokens,
  })
  const clients = createClients(settings.clients, {
    keyring,
    sealer,
    now,
    ttl: settings.registrationTtl,
    scopes: Object.keys(settings.scopes),
    registration: settings.registration,
    issuer,
    store,
    fetch,
    outbound,
    documents: settings.documents,
  })
  const asked = settings.providerTokens && upstreams.find(undefined)
  const provider =
    asked &&
    createProviderBearer({
      upstream: asked,
      client: API_KEY_CLIENT,
      allow: settings.allow,
      scopes: settings.providerTokens,
      keyring,
      ttl: settings.apiKeyTtl,
      now,
      emit,
    })
  const apiKeys = createApiKeys(settings.apiKeys, {
    keyring,
    issuer,
    verify: settings.verifyApiKey,
    provider,
    verifiedTtl: settings.apiKeyTtl,
    scopes: Object.keys(settings.scopes),
    ttl: settings.accessTokenTtl,
    now,
    emit,
  })
  const guard = createGuard({
    accessTokens,
    apiKeys,
    grants,
    belongs: ({ provider, ownClient }, resource) =>
      ownClient === true || upstreams.serves(provider, resource),
    upstreamToken: async (key, refused) => tokenOf(await upstreamAccess.fresh(key, refused)),
    now,
    revocationLag,
  })
  return {
    settings,
    keyring,
    sealer,
    clients,
    grants,
    accessTokens,
    upstreams,
    upstreamAccess,
    endTokens,
    guard,
    limits: createLimits(settings.limits, { now, emit }),
    emit,
  }
}

/** Who signed in at the application itself has a token only where the application gave one. */
function tokenOf({ accessToken }: UpstreamTokens): string {
  if (accessToken !== '') return accessToken
  throw new OAuthError('access_denied', 'There is no token of a provider for this user', {
    reason: 'no-provider-token',
    detail: 'the user signed in at the application itself',
  })
}
