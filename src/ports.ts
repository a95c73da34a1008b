/** A stored value with the version a later {@link Store.swap} must name. */
export interface Versioned {
  readonly value: unknown
  readonly version: string
}

/**
 * A record that is present but damaged, or that another program wrote. It is neither absent nor usable, and it can be
 * deleted. The message names the record's key and never its content.
 */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord'
  readonly key: string

  constructor(key: string) {
    super(`The storage holds something under ${key} that Lockgate did not write`)
    this.key = key
  }
}

/** A value that is larger than the store's engine accepts. Nothing was written, and a retry cannot succeed. */
export class ValueTooLarge extends RangeError {
  override readonly name = 'ValueTooLarge'
  /** Bytes of the value. */
  readonly size: number
  /** Bytes that the engine accepts, as {@link Store.maxValueBytes}. */
  readonly limit: number

  /** @param engine Its name, for the message. */
  constructor(engine: string, size: number, limit: number) {
    super(`${engine} accepts ${limit} bytes in one record, and this one has ${size} bytes`)
    this.size = size
    this.limit = limit
  }
}

/**
 * The place where grants live. Values are JSON; keys are one to three base64url parts joined by `:`.
 *
 * A store that cannot respond must reject: a missing response never counts as a missing record.
 */
export interface Store {
  /**
   * The guarantee of `swap`: `atomic` across every process that shares the store, `process` within this one,
   * `eventual` best effort only.
   */
  readonly consistency: 'atomic' | 'process' | 'eventual'
  /**
   * The longest JSON text of a value that the engine accepts, in bytes of UTF-8. Absent if the engine accepts more than
   * a mebibyte.
   */
  readonly maxValueBytes?: number
  /** Seconds after which every reader sees a write. Only for `eventual` stores. */
  readonly staleness?: number
  /** @throws {UnreadableRecord} If the record cannot be decoded. */
  get(key: string): Promise<Versioned | undefined>
  /**
   * Reads many records at once, in the order of `keys`. A record that cannot be decoded is an {@link UnreadableRecord}
   * in its place, so that it does not hide the others. Absent if the engine has no such operation.
   */
  getMany?(keys: readonly string[]): Promise<readonly (Versioned | UnreadableRecord | undefined)[]>
  /**
   * Writes a record, regardless of what it replaces.
   *
   * @param ttl Seconds until the record no longer exists.
   * @throws {ValueTooLarge} If the engine does not accept so large a value.
   */
  set(key: string, value: unknown, ttl: number): Promise<void>
  /**
   * Compare-and-set: writes only if the record still has `version`; `undefined` means it must not exist.
   *
   * @param ttl Seconds until the record no longer exists.
   * @returns Whether it was written.
   * @throws {ValueTooLarge} As `set`.
   * @throws {UnreadableRecord} If the record that it would replace cannot be decoded.
   */
  swap(key: string, version: string | undefined, value: unknown, ttl: number): Promise<boolean>
  /** Removes a record, readable or not. */
  delete(key: string): Promise<void>
  /** Lists the keys that start with `prefix`, in no promised order, including those of unreadable records. */
  keys(prefix: string): AsyncIterable<string>
  /**
   * Returns the part of the store that belongs to one deployment. A store whose engine several deployments may share
   * has it, so that they do not see each other's records. {@link createProxy} calls it once.
   *
   * @param issuer The deployment's public URL.
   */
  forIssuer?(issuer: string): Store
  /**
   * Prepares the store for a process that serves. Takes what only one process may have.
   *
   * @throws {TypeError} If another process has it. The message says which one and what to do.
   */
  hold?(): Promise<void>
  /**
   * Writes, swaps and deletes a probe record.
   *
   * @throws {TypeError} If one of these is not possible. The message says what to do, and contains no password.
   */
  check?(): Promise<void>
  /** Returns what the operator should change in the engine's configuration, one sentence each. */
  warnings?(): Promise<readonly string[]>
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
  /** Returns the limiter of one deployment, so that deployments that share an engine do not share their counts. */
  forIssuer?(issuer: string): RateLimiter
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

/**
 * Tells the runtime that work goes on after the request that started it. On Workers the work would otherwise stop, and
 * never settle, as soon as that request is cancelled.
 */
export type KeepAlive = (work: Promise<unknown>) => void
