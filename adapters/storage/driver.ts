/** What is used of an unstorage driver. Structural, so that no driver's own types reach whoever imports this. */
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
  /** Lets go of them. What is under way may fail. */
  close(): Promise<void>
}

/**
 * What is stored: the value with its version and its own end, since few drivers keep time. Times are
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
 * An envelope, whether it still counts or not.
 *
 * @throws {TypeError} For anything a driver returns that this store did not write: it must not pass for absent.
 */
export function open(stored: unknown): Envelope | undefined {
  if (stored === null || stored === undefined) return undefined
  // Some drivers answer with the error they should have thrown.
  if (stored instanceof Error) throw stored
  const parsed: unknown = typeof stored === 'string' ? parse(stored) : stored
  const envelope = parsed as Partial<Envelope> | null
  if (typeof envelope?.version !== 'string' || typeof envelope.expiresAt !== 'number') {
    throw new TypeError('The storage holds something under this key that Lockgate did not write')
  }
  return envelope as Envelope
}

/** A syntax error's message would quote what is stored. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isLive = (envelope: Envelope): boolean => envelope.expiresAt > Date.now()

/**
 * An envelope that still counts.
 *
 * @throws {TypeError} As {@link open} does.
 */
export function decode(stored: unknown): Envelope | undefined {
  const envelope = open(stored)
  return envelope && isLive(envelope) ? envelope : undefined
}

/** A version nobody else has. */
export const newVersion = (): string => crypto.randomUUID()
