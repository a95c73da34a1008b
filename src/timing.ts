/**
 * Every fixed duration of Lockgate, in one place. Durations that an operator may change are options instead.
 *
 * Read a duration at the moment of its use: a copy in a module constant does not follow {@link scaleTiming}.
 */
const SHIPPED = {
  /** The deadline of a hook, an option that is a function. */
  hook: 8000,
  /** The deadline of one operation of the storage, as the core waits for it. */
  storage: 8000,
  /** The deadline of one operation of a storage engine, inside a storage adapter. */
  storageEngine: 5000,
  /** The deadline of a listing by an unstorage driver, which returns all keys at once. */
  storageListing: 60_000,
  /** The time for which a storage adapter tries again while another process holds the lock of a file. */
  storageLocked: 3000,
  /** The interval at which the holder of a folder touches its lock. */
  folderLockTouch: 2000,
  /** The time without a touch after which the lock of another machine counts as abandoned. */
  folderLockStale: 10_000,
  /** The age from which a file with an unreadable record is removed. */
  unreadableFile: 2_592_000_000,
  /** The age from which the temporary file of an interrupted write is removed. */
  abandonedFile: 60_000,
  /** The pauses before a record that was just written elsewhere is read again from an eventually consistent store. */
  eventualRead: [150, 400, 900, 1600],
  /** The pauses before Cloudflare KV is written again: it accepts one write per second and key. */
  kvWrite: [400, 800, 1200],
  /** The delay between the expiry of a Durable Object's record and its removal, so that one alarm removes many. */
  objectSweep: 60_000,
  /** The deadline of a connection to PostgreSQL, or of the wait for a free one. */
  sqlConnect: 2500,
  /** The time for which a statement may run on PostgreSQL, and wait for a lock. */
  sqlStatement: 2000,
  /** The deadline of the response of PostgreSQL. Longer than a statement may run. */
  sqlQuery: 2500,
  /** The deadline of one command to Redis, with its repetitions. */
  redisCommand: 2500,
  /** The deadline of a rate limit in Redis. */
  redisLimit: 250,
  /** The silence of a connection to Redis, with a command pending, after which it is opened again. */
  redisSilent: 2000,
  /** The deadline of connecting to Redis. */
  redisConnect: 2000,
  /** The longest pause between two attempts to connect to Redis. */
  redisRetry: 1000,
  /** The pause before a command is sent to Redis again. */
  redisPause: 100,
  /** The time for which the maxmemory-policy of Redis is remembered. */
  redisPolicy: 60_000,
  /** The time for which Redis remembers that a user has no records. */
  redisIndex: 3_600_000,
  /** The time after which shared work counts as dropped, and one of the waiting requests starts it again. */
  singleFlight: 3000,
  /** The deadline of an external rate limiter, before the one in memory decides. */
  limiter: 1000,
  /** The time for which an instance counts by itself after the external rate limiter failed. */
  limiterPause: 1000,
  /** The deadline of one request to the identity provider, with its response. */
  provider: 10_000,
  /** The time after which the processing of a provider's response counts as dropped by the runtime. */
  callback: 45_000,
  /** The deadline for the body of a request to an endpoint. MCP requests have none. */
  requestBody: 10_000,
  /** The deadline for the body of an MCP request that rules for tools have to judge. */
  inspectedBody: 30_000,
  /** The deadline of one document that an unknown client or its keys are fetched from. */
  document: 5000,
  /** The deadline of one document of a trusted issuer. */
  issuerDocument: 10_000,
  /** The pauses between attempts to refresh a provider's token. */
  refreshPauses: [200, 800],
  /** The time after which no further attempt to refresh begins. */
  refreshWithin: 4000,
  /** The pause before a refresh whose outcome is unknown is tried once more. */
  refreshOnceMore: 500,
  /** The pauses between attempts to save a provider's new tokens while the storage fails. */
  savePauses: [500, 1000, 2000, 4000],
  /** The time after which no further attempt to save them begins. */
  saveWithin: 15_000,
  /** The pause between attempts to save them after that. */
  saveLatePause: 1000,
  /** The time after which they are given up. */
  saveLateWithin: 600_000,
  /** The pause between two reads while another instance refreshes. */
  refreshPoll: 150,
  /** The time for which a request waits for a refresh of the provider's tokens. */
  refreshWait: 10_000,
  /** The time that a refresh needs in addition, to report its own failure. */
  refreshMargin: 2000,
  /** The time after which a refresh counts as dropped by the runtime. */
  refreshLongest: 45_000,
  /** How long a request waits for a refresh while the provider's token still works. */
  refreshGlance: 1000,
  /** The pause after a failed refresh while the provider's token still works. */
  refreshPause: 5000,
  /** The pauses between attempts to revoke a provider's tokens. */
  revokePauses: [500, 2000, 6000],
  /** The time after which no further attempt to revoke begins. Some runtimes stop background work after 30 seconds. */
  revokeWithin: 15_000,
  /** The pause between two looks at the open event streams, whether their tokens are still valid. */
  streamCheck: 500,
  /** The deadline for the head of a request, and for a TLS handshake, on Node. */
  requestHead: 20_000,
  /** The time without a request after which a connection is closed while the server stops. */
  drainIdle: 250,
  /** The pause between two looks at the connections while the server stops. */
  drainSweep: 25,
  /** The time for which equal events about refused requests become one. */
  eventWindow: 10_000,
  /** The pause between two warnings that file descriptors run short. */
  descriptorWarning: 60_000,
  /** The time for which responses may continue after the process was told to stop. */
  shutdown: 5000,
  /** The time without a request after which a wrapped program is stopped. */
  wrapIdle: 1_800_000,
  /** The deadline of a request with which `serve` checks at the start what it depends on. */
  startCheck: 10_000,
  /** The pause between two looks of `serve`, whether documents of clients can be fetched. */
  egressCheck: 60_000,
  /** The deadline for the headers of an event stream that the doctor opens. */
  doctorStream: 5000,
  /** The time for which the doctor waits for the operator's own sign-in. */
  doctorSignIn: 600_000,
} as const

/** The longest time that a timer of a runtime can wait, in seconds: 24 days. A longer one ends at once. */
export const LONGEST_WAIT = 2_147_483

type Durations = {
  readonly [Name in keyof typeof SHIPPED]: (typeof SHIPPED)[Name] extends number ? number : readonly number[]
}

/** Waits and deadlines of real time, in milliseconds. */
export const ms: Durations = { ...SHIPPED }

/** Ages and lifetimes that the {@link Clock} measures, in seconds. */
export const seconds = {
  /** `Retry-After` while the storage is unavailable. */
  retryStorage: 2,
  /** `Retry-After` while a hook does not respond, or a record cannot be read yet. */
  retryLater: 5,
  /** `Retry-After` while too many event streams are open. */
  retryStreams: 5,
  /** The time without activity after which an exchange on Workers counts as closed. */
  streamSilent: 10,
  /** The longest `Retry-After` of a provider that a request waits for itself. */
  providerSoon: 2,
  /** `Retry-After` while a provider is unavailable and names no time. */
  providerLater: 5,
  /** The time for which a discovery document is used. */
  discoveryFresh: 3600,
  /** The time for which a failed discovery is remembered. */
  discoveryFailed: 5,
  /** The time for which a provider's keys are used. A key that it withdrew is trusted for no longer, unless the others cannot be fetched. */
  providerKeys: 300,
  /** And how much longer they serve while they cannot be fetched. */
  providerKeysAway: 3600,
  /** `Retry-After` after the provider refused to refresh without ending the grant. */
  refreshRefused: 30,
  /** The age up to which a newer sign-in of the user may explain that a provider ended an older one. */
  newerSignIn: 604_800,
  /** The time before its expiry from which a provider's token counts as expired, because clocks differ and requests take time. */
  tokenSkew: 60,
  /** The largest addition to `tokenSkew`, so that tokens issued together are not refreshed together. */
  tokenSpread: 30,
  /** The last time of a provider's token in which it is not used any more. */
  tokenEdge: 5,
  /** The lifetime of an access token if a check of the user is overdue. */
  checkAgain: 60,
  /** The largest difference between the clocks of two instances. */
  clockSkew: 30,
  /** The age under which a refused provider token is not refreshed, because its age is not the reason. */
  tokenYoung: 60,
  /** The time for which one instance may refresh a grant alone. Longer than all its attempts together. */
  refreshLease: 25,
  /** The largest difference between the clocks of two instances that a lease tolerates. */
  leaseSkew: 30,
  /** The time within which a second use of a correct code is a repeated request, not a theft. */
  codeRepeated: 2,
  /** The lifetime of a session of the account page. */
  session: 3600,
  /** The window of every rate limit. */
  limitWindow: 60,
  /** The time for which an unknown API key is not verified again. */
  unknownKey: 10,
  /** The longest lifetime of a client assertion. */
  assertionLife: 3600,
  /** The largest difference between this clock and the clock of a client. */
  assertionSkew: 60,
  /** The longest lifetime of an ID-JAG, and of a token of a workload, unless the entry sets another. */
  idJagLife: 300,
  workloadLife: 3600,
  /** The largest difference between this clock and the clock of a trusted issuer, unless the entry sets another. */
  issuerSkew: 60,
  /** The bounds of the time for which the keys of a trusted issuer are used. */
  issuerKeysLeast: 300,
  issuerKeysMost: 86_400,
  /** The time in which a second unknown key does not fetch the keys of a trusted issuer again. */
  issuerKeysPause: 30,
  /** The time for which a failure to fetch the keys of a trusted issuer is remembered. */
  issuerKeysFailed: 5,
  /** The time for which a verified token of a workload is not verified again. */
  workloadVerified: 60,
  /** The lifetime of a client secret that Lockgate signs for Apple. */
  appleSecret: 300,
  /** The life of an assertion that proves this application at a provider. Keycloak accepts no longer one. */
  clientAssertion: 60,
  /** The time for which clients may cache the metadata documents. */
  metadataCached: 300,
  /** The time for which a new signing key is published before it signs, and an old one after its last token. */
  keyOverlap: 86_400,
  /** The time for which signing keys are used before they are read from the storage again. */
  signingKeysRead: 300,
  /** The pause between two readings of the signing keys because of an unknown key. */
  signingKeysPause: 10,
  /** The time for which verifiers may cache the published keys. */
  keysCached: 600,
  /** The lifetime of the signed identity for the server behind. */
  identityLife: 60,
  /** The time for which one signed identity is sent again. */
  identityReused: 30,
  /** The time before its expiry from which an exchanged token is not used any more. */
  exchangedEdge: 60,
  /** The time for which a provider's demand waits for the next sign-in of its user. */
  claimsChallenge: 86_400,
  /** The time for which an exchanged token without an expiry is used. */
  exchangedUnknown: 300,
  /** The time for which a client's document is cached if it names none. */
  documentFresh: 300,
  /** The longest time for which a client's document is cached. */
  documentFreshMost: 86_400,
  /** The longest time for which an address is not fetched after repeated failures. */
  documentPause: 10,
  /** The time for which a failure of an address is remembered. */
  documentFailed: 60,
} as const

/**
 * Multiplies every wait and deadline in {@link ms} by `factor`, relative to the shipped values; 1 restores them.
 * For tests of this repository only: ages in {@link seconds} follow the `now` option instead.
 */
export function scaleTiming(factor: number): void {
  const scaled = Object.entries(SHIPPED).map(([name, value]: [string, number | readonly number[]]) => [
    name,
    typeof value === 'number' ? value * factor : value.map((one) => one * factor),
  ])
  Object.assign(ms, Object.fromEntries(scaled))
}
