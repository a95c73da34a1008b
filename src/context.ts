import { outbound, keepAlive as runtimeKeepAlive } from '#outbound'
import { type Assertions, createAssertions } from './assertions/assertions.ts'
import { type Clients, createClients } from './clients/clients.ts'
import { DEFAULT_TTL } from './clients/stored-clients.ts'
import { type Connections, createConnections } from './connections/connections.ts'
import { createEndTokens, type EndTokens } from './connections/end.ts'
import { createExchangedTokens, type ExchangedTokens } from './connections/exchanged-tokens.ts'
import { createKeyring, type Keyring } from './crypto/keyring.ts'
import { createSealer, type Sealer } from './crypto/seal.ts'
import { createEmit, type Emit } from './events/event.ts'
import { createDestinations, type Destinations } from './forward/destinations.ts'
import { createStreams, type Streams } from './forward/streams.ts'
import { type Approvals, createApprovals } from './grants/approvals.ts'
import { type ClaimsChallenges, createClaimsChallenges } from './grants/claims-challenges.ts'
import { withEndings } from './grants/endings.ts'
import { type Grant, providerOf } from './grants/grant.ts'
import { formatGrantKey } from './grants/grant-key.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import { createSoleGrants, type SoleGrants } from './grants/sole-grants.ts'
import { failClosed } from './grants/store-failure.ts'
import { createUserIds, type UserIds } from './grants/user-ids.ts'
import { apiKeysOf } from './guard/create-api-keys.ts'
import { createGuard, type Guard } from './guard/guard.ts'
import { createWorkloadBearers } from './guard/workload-bearers.ts'
import type { ResponseData } from './http/response-data.ts'
import { createLimits, type Limits } from './limits/limits.ts'
import type { Resource, Settings } from './options/options.ts'
import { exchangesIdToken } from './options/upstream-token.ts'
import { createPendingWork, type PendingWork } from './pending-work.ts'
import type { UpstreamTokens } from './ports.ts'
import { neededMemberships } from './protocol/allow.ts'
import { noProviderToken } from './refusals.ts'
import { createSigning } from './signing/create-signing.ts'
import type { Signer } from './signing/signer.ts'
import { createSingleFlight, type SingleFlight } from './single-flight.ts'
import { ms } from './timing.ts'
import { type AccessTokens, createAccessTokens } from './tokens/access-token.ts'
import { type ClientStates, createClientStates } from './tokens/client-states.ts'
import { createSignedTokens, type SignedTokens } from './tokens/signed-token.ts'
import { type AdmitUser, createAdmitUser } from './upstream/admit-user.ts'
import { createUpstreams } from './upstream/create-upstreams.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Everything an endpoint works with. Made once per proxy. */
export interface Context extends PendingWork {
  readonly settings: Settings
  readonly keyring: Keyring
  readonly sealer: Sealer
  readonly clients: Clients
  readonly grants: Grants
  readonly soleGrants: SoleGrants
  /** Absent if every authorization request shows the consent page. */
  readonly approvals: Approvals | undefined
  readonly userIds: UserIds
  /** Absent if no issuer is trusted. */
  readonly assertions: Assertions | undefined
  readonly accessTokens: AccessTokens
  /** Absent if nothing is signed. */
  readonly signer: Signer | undefined
  /** Absent if no server has signed access tokens. */
  readonly signedTokens: SignedTokens | undefined
  /** Returns whether the provider of a grant is still one of the resource's, or its issuer is still trusted. */
  belongs(grant: Grant, resource: Resource): boolean
  readonly clientStates: ClientStates
  readonly claimsChallenges: ClaimsChallenges
  /** Responses of the provider that are being processed, by the digest of their address. */
  readonly callbacks: SingleFlight<ResponseData>
  readonly upstreams: Upstreams
  readonly connections: Connections
  /** Tokens for MCP servers, exchanged for the provider's. */
  readonly exchanged: ExchangedTokens
  readonly admitUser: AdmitUser
  readonly endTokens: EndTokens
  readonly guard: Guard
  readonly limits: Limits
  /** The MCP servers that requests are forwarded to. */
  readonly destinations: Destinations
  readonly streams: Streams
  readonly emit: Emit
  /** State that `/health` tells. */
  readonly health: { isDraining: boolean }
  /** What the metadata announces, as far as it changes while the process runs. */
  readonly announced: { documents: boolean }
  readonly host: Host
}

/** One request, apart from its content. */
export interface Call {
  /** Returns the id that is in the events of this request and on its error page. */
  requestId(): string
  /** Returns the client's address as limits count it, or `undefined` if the runtime does not tell it. */
  address(): string | undefined
  /** Returns the client's whole address, or `undefined` if the runtime does not tell it. */
  clientAddress(): string | undefined
  /** Returns the other end of the connection, as the runtime tells it. No header counts. */
  peer(): string | undefined
  /** Reports an event of this request. */
  readonly emit: Emit
  /** `true` if a listener hears events. Without one, nothing has to be measured for them. */
  readonly isHeard: boolean
  /** Keeps `work` running after the response, with `waitUntil` on Workers. A failure becomes an event. */
  defer(work: Promise<unknown>): void
  /** Lets the work of this request go on to its end if the client leaves. On Workers it would stop. It must not reject. */
  finish(work: Promise<unknown>): void
  /** Lets the response be silent for any time, on runtimes that otherwise cut it. */
  keepOpen(): void
  /** `true` if the runtime ties timers and streams to the request that made them, as Workers do. */
  readonly isBound: boolean
}

/** One HTTP endpoint. The router turns an exception into a response. */
export type Endpoint = (request: Request, ctx: Context, call: Call) => Response | Promise<Response>

/** The runtime, as far as the first request shows it. */
export interface Host {
  /** `true` if it drops work that outlives its request, unless that work is deferred. */
  isBound: boolean
  /** `true` once a request showed a proxy in front that `trustProxy` does not count. */
  hasProxy: boolean
}

export function createContext(settings: Settings): Context {
  const host: Host = { isBound: false, hasProxy: false }
  const { keepAlive, settled } = createPendingWork(runtimeKeepAlive, () => host.isBound)
  const { now, uptime, issuer, fetch } = settings
  const keyring = createKeyring(settings.secrets)
  const sealer = createSealer(keyring, issuer)
  const emit = createEmit(settings.listeners)
  const storage = settings.storage.forIssuer?.(issuer) ?? settings.storage
  const store = failClosed(withEndings(storage, { now, lifetime: longestLife(settings) }))
  // A store that is behind by itself leaves no time for a cache.
  const revocationLag = store.consistency === 'eventual' ? 0 : settings.revocationLag
  const grants = createGrants({ store, sealer, now, uptime, revocationLag, issuer, emit, keepAlive })
  const userIds = createUserIds({ keyring, own: settings.userIdSecret, store, grants, now, emit, keepAlive })
  const assertions = createAssertions(settings, { userIds, store, keepAlive })
  const accessTokens = createAccessTokens(sealer, issuer)
  const signer = createSigning(settings, { store, sealer, emit, keepAlive })
  const isSigned = settings.resources.some(({ signed }) => signed !== undefined)
  const signedTokens = signer && isSigned ? createSignedTokens({ signer, issuer, emit }) : undefined
  const clientStates = createClientStates({ store, sealer, ttl: settings.signInTtl })
  const upstreams = createUpstreams(settings.upstream, `${issuer}/callback`, ({ id }) => ({
    fetch,
    now,
    keepAlive,
    needs: neededMemberships(settings.allow, id),
    keepsIdToken: settings.resources.some(({ exchange }) => exchangesIdToken(exchange)),
  }))
  const admitUser = createAdmitUser(settings.allow)
  const endTokens = createEndTokens({ upstreams, grants, emit, keepAlive })
  const connections = createConnections({
    grants,
    upstreams,
    scopes: settings.scopes,
    outlivesTokens: settings.identityTtl !== undefined,
    admitUser,
    revalidate: settings.revalidate,
    now,
    emit,
    endTokens,
    isBound: () => host.isBound,
    keepAlive,
  })
  const claimsChallenges = createClaimsChallenges(store, issuer)
  const exchanged = createExchangedTokens({
    ...{ grants, claimsChallenges, connections, upstreams, endTokens },
    ...{ fetch, now, emit, keepAlive },
  })
  const clients = createClients(settings.clients, {
    keyring,
    sealer,
    now,
    ttl: settings.registrationTtl,
    scopes: Object.keys(settings.scopes),
    registration: settings.registration,
    audiences: settings.dangerouslyAcceptTokenEndpointAudience ? [issuer, `${issuer}/token`] : [issuer],
    store,
    fetch,
    outbound,
    keepAlive,
    documents: settings.documents,
  })
  const apiKeys = apiKeysOf(settings, { keyring, userIds, upstreams, admitUser, emit, keepAlive })
  const streams = createStreams(now, settings)
  grants.onChange((key) => streams.recheck(formatGrantKey(key)))
  const belongs: Context['belongs'] = (grant, resource) =>
    grant.origin.type === 'assertion'
      ? assertions?.knows(grant.origin.issuer) === true
      : grant.origin.type === 'client' || upstreams.serves(providerOf(grant), resource)
  const guard = createGuard({
    accessTokens,
    signedTokens,
    apiKeys,
    grants,
    belongs,
    bearers: createWorkloadBearers(assertions, { settings, userIds, emit }),
    upstreamToken: async (key, refused) => tokenOf(await connections.fresh(key, refused)),
    scopes: settings.scopes,
    now,
    uptime,
    revocationLag,
    keepAlive,
  })
  return {
    settings,
    keyring,
    sealer,
    clients,
    grants,
    userIds,
    soleGrants: createSoleGrants({ grants, store, settings }),
    approvals: settings.remembers && createApprovals({ store, now, ...settings.remembers }),
    assertions,
    accessTokens,
    signer,
    signedTokens,
    belongs,
    clientStates,
    claimsChallenges,
    callbacks: createSingleFlight({ keepAlive, longest: () => ms.callback }),
    upstreams,
    connections,
    exchanged,
    admitUser,
    endTokens,
    guard,
    limits: createLimits(settings.limits, { uptime, emit, issuer }),
    destinations: createDestinations(settings.resources, settings.origin),
    streams,
    emit,
    keepAlive,
    settled,
    health: { isDraining: false },
    announced: { documents: true },
    host,
  }
}

/** Returns the longest that a record may live after its last change, with the tokens that it issued, in seconds. */
const longestLife = ({
  refreshTtl,
  accessTokenTtl,
  registrationTtl = DEFAULT_TTL,
  remembers,
}: Settings): number => Math.max(refreshTtl + accessTokenTtl, registrationTtl, remembers?.seconds ?? 0)

/** A user who signed in at the application itself has a token only if the application supplied one. */
function tokenOf(tokens: UpstreamTokens | undefined): string {
  if (tokens) return tokens.accessToken
  throw noProviderToken('a sign-in at the application itself, or a client’s own grant')
}
