/** A stored value with the version that a later {@link Store.swap} must name. */
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
  /** The size of the value, in bytes. */
  readonly size: number
  /** The size that the engine accepts, in bytes, as {@link Store.maxValueBytes}. */
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
  /** The time after which every reader sees a write, in seconds. Only for `eventual` stores. */
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
   * @returns `true` if it was written.
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
  /** Says why the store cannot be used, if that is known before the first request. `createProxy` refuses it. */
  readonly problem?: string | undefined
  /** Returns the changes that the operator should make to the engine's configuration, one sentence each. */
  warnings?(): Promise<readonly string[]>
}

/** Returns the whole seconds since the epoch. */
export type Clock = () => number

/** A rate limit: `limit` times at once, then as many again over `window` seconds. */
export interface RateRule {
  /** The option of `limits` that it comes from. */
  readonly name: 'address' | 'client' | 'user' | 'failures' | 'anonymous'
  readonly limit: number
  /** The window, in seconds. */
  readonly window: number
}

/** The decision of a rate limiter. */
export interface Taken {
  readonly allowed: boolean
  /** The seconds after which another attempt may be allowed. 0 if this one was. */
  readonly retryAfter: number
}

/**
 * An external rate limiter. The limiter in memory decides if it returns `undefined` or fails, so that an unavailable
 * limiter neither admits nor refuses every request.
 */
export interface RateLimiter {
  /** Returns the limiter of one deployment, so that deployments that share an engine do not share their counts. */
  forIssuer?(issuer: string): RateLimiter
  /** Counts one more for a key. */
  take(key: string, rule: RateRule): Taken | undefined | Promise<Taken | undefined>
}

/** The part of `fetch` that the core calls, so that a runtime or a test can supply its own. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>

/** The rules for one fetch of an address that a client named. */
export interface OutboundOptions {
  /** The value of the `Accept` header. */
  readonly accept: string
  /** Ends the attempt at any stage. */
  readonly signal: AbortSignal
  /** Permits `localhost`, `127.0.0.1` and `[::1]`. For development only. */
  readonly loopback: boolean
}

/**
 * Fetches an address that a client named. An implementation must connect to public addresses only, to exactly the ones
 * that it checked, and must not follow redirects. It rejects if it cannot guarantee that.
 */
export type Outbound = (url: string, options: OutboundOptions) => Promise<Response>

/**
 * The identity of a user, as the provider confirmed it. `(issuer, tenant, subject)` identifies a person. An e-mail address
 * does not.
 */
export interface Identity {
  readonly issuer: string
  readonly tenant?: string | undefined
  readonly subject: string
  readonly email?: string | undefined
  /** `true` only if the provider verified the address. */
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  /** The other claims of the provider, such as groups. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The tokens of the provider for one sign-in. A client never receives them. */
export interface UpstreamTokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  /** The expiry, in seconds since the epoch. Without one the token is used until it is refused. */
  readonly expiresAt?: number | undefined
  /** The time of issue, in seconds since the epoch. */
  readonly obtainedAt?: number | undefined
  /** The scope that the provider granted, in its own words. */
  readonly scope?: string | undefined
  /** The scopes that were requested in addition to the usual ones, for providers that need them at each refresh. */
  readonly more?: readonly string[] | undefined
  /** Parameters of the callback that the definition needs later, for example the company that the user chose. */
  readonly callback?: Readonly<Record<string, string>> | undefined
  /** The ID token itself. Kept only if it is exchanged for other tokens. */
  readonly idToken?: string | undefined
  /** Subject of the ID token. A refresh response for another user is refused by it. */
  readonly subject?: string | undefined
}

/**
 * Tells the runtime that work goes on after the request that started it. On Workers the work would otherwise stop, and
 * never settle, as soon as that request is cancelled.
 */
export type KeepAlive = (work: Promise<unknown>) => void
