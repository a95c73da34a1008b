/** The part of a Durable Object's state that is used. */
export interface ObjectState {
  readonly storage: {
    get(key: string): Promise<unknown>
    get(keys: string[]): Promise<Map<string, unknown>>
    put(key: string, value: unknown): Promise<void>
    delete(key: string | string[]): Promise<unknown>
    list(options: { prefix?: string; startAfter?: string; limit?: number }): Promise<Map<string, unknown>>
    getAlarm(): Promise<number | null>
    setAlarm(time: number): Promise<void>
  }
}

/** A call to the object, as the JSON body of a request. Times are milliseconds since the epoch. */
export type ObjectCall =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'getMany'; readonly keys: readonly string[] }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'set'; readonly key: string; readonly record: ObjectRecord }
  | {
      readonly op: 'swap'
      readonly key: string
      /** `null`: there must be no record. */
      readonly version: string | null
      readonly record: ObjectRecord
    }
  /** A page of keys in their order, from the one after `after`. */
  | { readonly op: 'keys'; readonly prefix: string; readonly after?: string }
  /** Notes until when the directory lists this object. */
  | { readonly op: 'listed'; readonly until: number }

/** The object's response to a call. */
export interface ObjectReply {
  readonly result: unknown
  /** After a write: until when the directory lists this object; 0 if it does not. */
  readonly listedUntil?: number
}

/** A page of keys, and where the next one begins if there is one. */
export interface KeyPage {
  readonly keys: readonly string[]
  readonly next?: string
}

export interface ObjectRecord {
  readonly version: string
  readonly expiresAt: number
  /** The value as JSON. */
  readonly text: string
}

/** Milliseconds from a record's expiry to its removal, so that one alarm removes many. */
const SLACK = 60_000
/** Keys that an object reads or deletes at once. */
const BATCH = 128
/** Keys in one page of a listing. */
const PAGE = 1000
/** The object's own record of its place in the directory. No key has a star. */
const LISTED = '*listed'

/**
 * The Durable Object that holds one user's grants. Export it from the Worker's entry, and bind it with a migration as the
 * platform requires:
 *
 * ```ts
 * export { LockgateStore } from 'lockgate/workers'
 * ```
 *
 * Only the Worker that it is bound to can reach it. An object does one thing at a time while it reads and writes, so every
 * change is atomic. Its alarm removes expired records.
 */
export class LockgateStore {
  readonly #storage: ObjectState['storage']

  constructor(state: ObjectState) {
    this.#storage = state.storage
  }

  async fetch(request: Request): Promise<Response> {
    const call = (await request.json()) as ObjectCall
    const result = (await this.#respond(call)) ?? null
    const isWrite = call.op === 'set' || (call.op === 'swap' && result === true)
    const reply: ObjectReply = { result, ...(isWrite && { listedUntil: await this.#listedUntil() }) }
    return Response.json(reply)
  }

  /** Removes expired records, and sets the next alarm for the others. The platform calls it. */
  async alarm(): Promise<void> {
    const now = Date.now()
    let next = Number.POSITIVE_INFINITY
    let startAfter: string | undefined
    for (;;) {
      const records = await this.#storage.list({ limit: BATCH, ...(startAfter && { startAfter }) })
      const expired: string[] = []
      for (const [key, { expiresAt }] of records as Map<string, ObjectRecord>) {
        if (expiresAt <= now) expired.push(key)
        else next = Math.min(next, expiresAt)
        startAfter = key
      }
      if (expired.length > 0) await this.#storage.delete(expired)
      if (records.size < BATCH) break
    }
    if (Number.isFinite(next)) await this.#storage.setAlarm(next + SLACK)
  }

  async #respond(call: ObjectCall): Promise<unknown> {
    switch (call.op) {
      case 'keys':
        return this.#keys(call.prefix, call.after)
      case 'getMany':
        return this.#getMany(call.keys)
      case 'delete':
        return this.#storage.delete(call.key)
      case 'set':
        return this.#write(call.key, call.record)
      case 'listed':
        return this.#write(LISTED, { version: '', expiresAt: call.until, text: '' })
    }
    const stored = (await this.#storage.get(call.key)) as ObjectRecord | undefined
    const found = stored && isLive(stored) ? stored : undefined
    if (call.op === 'get') return found
    if ((found?.version ?? null) !== call.version) return false
    await this.#write(call.key, call.record)
    return true
  }

  async #keys(prefix: string, startAfter: string | undefined): Promise<KeyPage> {
    const page = { prefix, limit: PAGE, ...(startAfter !== undefined && { startAfter }) }
    const records = (await this.#storage.list(page)) as Map<string, ObjectRecord>
    const keys = [...records].filter(([, record]) => isLive(record)).map(([key]) => key)
    return records.size < PAGE ? { keys } : { keys, next: [...records.keys()].at(-1)! }
  }

  async #getMany(keys: readonly string[]): Promise<(ObjectRecord | null)[]> {
    const found = new Map<string, ObjectRecord>()
    for (let start = 0; start < keys.length; start += BATCH) {
      const records = await this.#storage.get(keys.slice(start, start + BATCH))
      for (const [key, record] of records as Map<string, ObjectRecord>)
        if (isLive(record)) found.set(key, record)
    }
    return keys.map((key) => found.get(key) ?? null)
  }

  async #listedUntil(): Promise<number> {
    return ((await this.#storage.get(LISTED)) as ObjectRecord | undefined)?.expiresAt ?? 0
  }

  async #write(key: string, record: ObjectRecord): Promise<void> {
    await this.#storage.put(key, record)
    if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(record.expiresAt + SLACK)
  }
}

const isLive = ({ expiresAt }: ObjectRecord): boolean => expiresAt > Date.now()
