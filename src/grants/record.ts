import type { Connection, Grant, GrantCode, Origin } from './grant.ts'

/*
 * The stored form of a grant. Format 2 holds every grant. Format 1 is the form of builds that knew one connection and
 * two origins. A grant that fits into format 1 is written in it, so that an older instance on the same storage can carry
 * on with it during an upgrade, and after a rollback. Members that this build does not know are kept.
 */

type Common = Omit<Grant, 'origin' | 'connections'>

interface Format1 extends Common {
  readonly format: 1
  readonly provider?: string
  /** The grant of a client for itself. */
  readonly ownClient?: true
  readonly code: GrantCode
  readonly upstream: string
  readonly leasedUntil?: number
  readonly askedAt?: number
}

interface Format2 extends Grant {
  readonly format: 2
}

/** The id of the connection in records that do not name their provider, because there was only one. */
const UNNAMED = 'unnamed'

/** The id under which the tokens of the provider that the user signed in at are kept. */
export const signInConnection = ({ origin }: Pick<Grant, 'origin'>): string =>
  (origin.type === 'sign-in' ? origin.provider : undefined) ?? UNNAMED

/**
 * Returns the record of a grant.
 *
 * @param noTokens Seals the placeholder that format 1 needs for a grant without a connection.
 */
export function encodeGrant(grant: Grant, noTokens: () => string): Format1 | Format2 {
  const { origin, connections, ...common } = grant
  const id = signInConnection(grant)
  const isSimple = Object.keys(connections).every((one) => one === id)
  if (origin.type === 'assertion' || !isSimple) return { format: 2, ...grant }
  const { sealed = noTokens(), ...marks } = connections[id] ?? {}
  if (origin.type === 'client') {
    // No code has an empty digest.
    return { format: 1, ...common, ownClient: true, code: { hash: '', challenge: '' }, upstream: sealed }
  }
  const { provider, code } = origin
  return {
    format: 1,
    ...common,
    code,
    ...(provider !== undefined && { provider }),
    upstream: sealed,
    ...marks,
  }
}

/**
 * Returns the grant of a record. Returns `newer` for a format that a later build wrote, and `undefined` for anything
 * that is not a record.
 */
export function decodeGrant(value: unknown): Grant | 'newer' | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { format } = value as { format?: unknown }
  if (format === 1) return isFormat1(value) ? fromFormat1(value) : undefined
  if (format === 2 && isFormat2(value)) {
    const { format: _, ...grant } = value
    return grant
  }
  return Number.isInteger(format) && (format as number) > 1 ? 'newer' : undefined
}

function fromFormat1(record: Format1): Grant {
  const { format: _, provider, ownClient, code, upstream, leasedUntil, askedAt, ...common } = record
  if (ownClient) return { ...common, origin: { type: 'client' }, connections: {} }
  const connection: Connection = {
    sealed: upstream,
    ...(leasedUntil !== undefined && { leasedUntil }),
    ...(askedAt !== undefined && { askedAt }),
  }
  const origin: Origin = { type: 'sign-in', ...(provider !== undefined && { provider }), code }
  return { ...common, origin, connections: { [provider ?? UNNAMED]: connection } }
}

const TEXTS = ['client', 'clientName', 'resource', 'identity'] as const
const NUMBERS = ['createdAt', 'expiresAt', 'generation', 'rotatedAt', 'epoch'] as const

const isCommon = (value: Partial<Common>): boolean =>
  TEXTS.every((name) => typeof value[name] === 'string') &&
  NUMBERS.every((name) => Number.isFinite(value[name])) &&
  typeof value.refreshes === 'boolean' &&
  Array.isArray(value.scope) &&
  value.scope.every((scope) => typeof scope === 'string')

const isCode = (code: Partial<GrantCode> | undefined): boolean =>
  typeof code?.hash === 'string' && typeof code.challenge === 'string'

const isFormat1 = (value: Partial<Format1>): value is Format1 =>
  isCommon(value) && isCode(value.code) && typeof value.upstream === 'string'

function isFormat2(value: Partial<Format2>): value is Format2 {
  const { origin, connections } = value
  if (!isCommon(value) || typeof connections !== 'object' || connections === null) return false
  const isKnown =
    origin?.type === 'client' ||
    (origin?.type === 'sign-in' && isCode(origin.code)) ||
    (origin?.type === 'assertion' && typeof origin.issuer === 'string')
  return isKnown && Object.values(connections).every((one) => typeof one?.sealed === 'string')
}
