import { UnreadableRecord } from '../../src/ports.ts'

/** The part of an unstorage driver that is used. Structural, so that importers do not need a driver's own types. */
export interface Driver {
  readonly name?: string
  getItem(key: string, options?: object): unknown
  setItem?(key: string, value: string, options?: object): unknown
  removeItem?(key: string, options?: object): unknown
  getKeys(base: string, options?: object): unknown
  getInstance?(): unknown
  dispose?(): unknown
}

/** A store that holds connections or files. */
export interface Closable {
  /** Releases them. Pending operations may fail. */
  close(): Promise<void>
}

/**
 * The stored form of a record: the value with its version and its expiry, because few engines keep time. Times are
 * milliseconds since the epoch.
 */
export interface Envelope {
  readonly version: string
  readonly expiresAt: number
  readonly value: unknown
}

export const encode = (value: unknown, ttl: number, version: string): string =>
  JSON.stringify({ version, expiresAt: Date.now() + ttl * 1000, value } satisfies Envelope)

/**
 * Returns an envelope, expired or not, or `undefined` if nothing is stored.
 *
 * @throws {UnreadableRecord} For stored data that this store did not write: it must not count as absent.
 */
export function open(stored: unknown, key: string): Envelope | undefined {
  if (stored === null || stored === undefined) return undefined
  // Some drivers return the error that they should have thrown.
  if (stored instanceof Error) throw stored
  const parsed: unknown = typeof stored === 'string' ? parse(stored) : stored
  const envelope = parsed as Partial<Envelope> | null
  if (typeof envelope?.version !== 'string' || typeof envelope.expiresAt !== 'number') {
    throw new UnreadableRecord(key)
  }
  return envelope as Envelope
}

/** Parses JSON. Returns `undefined` for a syntax error, because its message would quote the stored text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isLive = (envelope: Envelope): boolean => envelope.expiresAt > Date.now()

/**
 * Returns an envelope that has not expired.
 *
 * @throws {UnreadableRecord} As {@link open} does.
 */
export function decode(stored: unknown, key: string): Envelope | undefined {
  const envelope = open(stored, key)
  return envelope && isLive(envelope) ? envelope : undefined
}

/** Returns a unique version. */
export const newVersion = (): string => crypto.randomUUID()
