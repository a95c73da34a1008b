/** A stored value with the version a later {@link Store.swap} must name. */
export interface Versioned {
  readonly value: unknown
  readonly version: string
}

/**
 * Where grants live. Values are JSON; keys are made of base64url parts joined by `:`.
 *
 * A store that cannot answer must reject: a missing answer is never taken for a missing record.
 */
export interface Store {
  /**
   * What `swap` guarantees: `atomic` across every process that shares the store, `process` within this one,
   * `eventual` best effort only.
   */
  readonly consistency: 'atomic' | 'process' | 'eventual'
  get(key: string): Promise<Versioned | undefined>
  /** @param ttl Seconds until the record no longer exists. */
  set(key: string, value: unknown, ttl: number): Promise<void>
  /**
   * Compare-and-set: writes only if the record still has `version`; `undefined` means it must not exist.
   *
   * @param ttl Seconds until the record no longer exists.
   * @returns Whether it was written.
   */
  swap(key: string, version: string | undefined, value: unknown, ttl: number): Promise<boolean>
  delete(key: string): Promise<void>
  /** Keys that start with `prefix`, in no promised order. */
  keys(prefix: string): AsyncIterable<string>
}

/** Whole seconds since the epoch. */
export type Clock = () => number

/** How often something may happen: `limit` times at once, then as many again over `window` seconds. */
export interface RateRule {
  /** Which of the options it comes from. */
  readonly name: 'address' | 'client' | 'user' | 'failures'
  readonly limit: number
  /** Seconds. */
  readonly window: number
}

/** Whether there was room for one more, and if not, in how many seconds there may be. */
export interface Taken {
  readonly allowed: boolean
  readonly retryAfter: number
}

/**
 * Counts what happens, by key. `undefined` leaves it to the limiter in memory, which also counts where this one
 * rejects: a limiter that is away must not open the gates, nor close them.
 */
export interface RateLimiter {
  take(key: string, rule: RateRule): Taken | undefined | Promise<Taken | undefined>
}

/** `fetch` as the core calls it, so that a runtime or a test can supply its own. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>

/** How one address that a stranger named is asked for. */
export interface OutboundOptions {
  readonly accept: string
  /** Ends the attempt, at whatever stage it is. */
  readonly signal: AbortSignal
  /** Whether `localhost`, `127.0.0.1` and `[::1]` may be asked: on a developer's own machine only. */
  readonly loopback: boolean
}

/**
 * A GET of an address that a stranger named. Whoever implements it must connect to public addresses only, to the
 * very ones that were looked at, and follow no redirect. It rejects where that cannot be held.
 */
export type Outbound = (url: string, options: OutboundOptions) => Promise<Response>

/** Who signed in, as the provider said. A person is `(issuer, tenant, subject)`; an e-mail address is not an identity. */
export interface Identity {
  readonly issuer: string
  readonly tenant?: string | undefined
  readonly subject: string
  readonly email?: string | undefined
  /** Only `true` where the provider says so. */
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  /** What else the provider said, such as groups. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** What the provider gave for one sign-in. Never leaves the proxy towards a client. */
export interface UpstreamTokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  /** Seconds since the epoch; absent where the provider did not say: then it is used until refused. */
  readonly expiresAt?: number | undefined
  /** Seconds since the epoch. */
  readonly obtainedAt?: number | undefined
  /** The scope the provider granted, in its own words. */
  readonly scope?: string | undefined
  /** What was asked for beside what every sign-in asks for, for providers that want to hear it at each refresh. */
  readonly more?: readonly string[] | undefined
  /** Whose they are by the ID token, so that a refresh that answers for somebody else is noticed. */
  readonly subject?: string | undefined
}
