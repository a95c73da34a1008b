import { ms } from '../../src/internal.ts'

/** What is used of a Durable Object's state. */
export interface ObjectState {
  readonly storage: {
    get(key: string): Promise<unknown>
    put(key: string, value: unknown): Promise<void>
    delete(key: string | string[]): Promise<unknown>
    list(options: { prefix?: string; startAfter?: string; limit?: number }): Promise<Map<string, unknown>>
    getAlarm(): Promise<number | null>
    setAlarm(time: number): Promise<void>
  }
}

/** What the object is asked, as the JSON body of a request. Times are milliseconds since the epoch. */
export type ObjectCall =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'set'; readonly key: string; readonly record: ObjectRecord }
  | {
      readonly op: 'swap'
      readonly key: string
      /** `null`: there must be no record. */
      readonly version: string | null
      readonly record: ObjectRecord
    }
  | { readonly op: 'keys'; readonly prefix: string }

export interface ObjectRecord {
  readonly version: string
  readonly expiresAt: number
  /** The value as JSON. */
  readonly text: string
}

/** An object deletes this many keys at once. */
const BATCH = 128

/**
 * The Durable Object in which a user's grants live. Export it from the Worker's entry, and bind it with a migration
 * as its platform asks:
 *
 * ```ts
 * export { LockgateStore } from 'lockgate/workers'
 * ```
 *
 * Only the Worker it is bound to can reach it. An object does one thing at a time while it reads and writes, which
 * makes every change atomic. What has expired is removed by its alarm.
 */
export class LockgateStore {
  readonly #storage: ObjectState['storage']

  constructor(state: ObjectState) {
    this.#storage = state.storage
  }

  async fetch(request: Request): Promise<Response> {
    const result = await this.#answer((await request.json()) as ObjectCall)
    return Response.json({ result: result ?? null })
  }

  /** Called by the platform: removes what has expired, and asks to be called again for what has not. */
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
    if (Number.isFinite(next)) await this.#storage.setAlarm(next + ms.objectSweep)
  }

  async #answer(call: ObjectCall): Promise<unknown> {
    if (call.op === 'keys') {
      const records = (await this.#storage.list({ prefix: call.prefix })) as Map<string, ObjectRecord>
      return [...records].filter(([, record]) => isLive(record)).map(([key]) => key)
    }
    if (call.op === 'delete') return this.#storage.delete(call.key)
    if (call.op === 'set') return this.#write(call.key, call.record)
    const stored = (await this.#storage.get(call.key)) as ObjectRecord | undefined
    const found = stored && isLive(stored) ? stored : undefined
    if (call.op === 'get') return found
    if ((found?.version ?? null) !== call.version) return false
    await this.#write(call.key, call.record)
    return true
  }

  async #write(key: string, record: ObjectRecord): Promise<void> {
    await this.#storage.put(key, record)
    if ((await this.#storage.getAlarm()) === null)
      await this.#storage.setAlarm(record.expiresAt + ms.objectSweep)
  }
}

const isLive = ({ expiresAt }: ObjectRecord): boolean => expiresAt > Date.now()
