import { createBoundedMap } from '../bounded-map.ts'
import { digest } from '../crypto/digest.ts'
import type { Sealer } from '../crypto/seal.ts'
import type { HeaderFields } from '../http/head.ts'

/** The header that names a session (MCP, Streamable HTTP). */
export const SESSION_HEADER = 'mcp-session-id'

/** The header that names the last event of a stream that broke (HTML, Server-sent events). */
export const LAST_EVENT_HEADER = 'last-event-id'

/** The owner of a session: one user with one client, at one MCP server. */
export interface SessionOwner {
  readonly resource: string
  readonly user: string
  readonly client: string
}

/** The session of one request. */
export interface Session {
  /** The id that the request names, or `null`. */
  readonly outer: string | null
  /** The MCP server's own id, for the request. Absent if the request names no session. */
  readonly inner: string | undefined
  /**
   * `true` if the request may go on with a stream that broke. The ids of events are the MCP server's own, so that they count
   * within the session that they came from only.
   *
   * @see [MCP, Resumability and Redelivery](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery)
   */
  readonly resumes: boolean
  /** Returns the id that the client gets for one that the MCP server sent. `undefined` drops it. */
  toClient(inner: string): string | undefined
}

/**
 * Binds the sessions of MCP servers to their owners. A client never sees the server's own id: it gets that id sealed
 * together with the owner. Nothing is stored, so that every instance knows every session, and a refresh or a new secret
 * ends none.
 *
 * @see [MCP, Session Hijacking](https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices#session-hijacking)
 */
export interface Sessions {
  /** Opens the session of a request. Returns the reason why it is not valid: the client then has to start a new one. */
  open(headers: HeaderFields, owner: SessionOwner, use?: SessionUse): Session | InvalidSession
}

/** What a request may do with the session that it names. */
export interface SessionUse {
  /** `true` if the request starts a session, so that the one it names does not count. */
  readonly starts?: boolean | undefined
  /** `true` if the owner may go on with a session that began without a token. */
  readonly upgrades?: boolean | undefined
}

/** The owner of a session that began without a token. */
export const NO_OWNER = { user: '', client: '' } as const

export type InvalidSession = 'session-not-found' | 'session-of-another-user'

/** Sessions that are known without opening them again. */
const LIMIT = 10_000
/** Characters of the longest session id. */
const LONGEST = 4096
/** The first protocol version without sessions. */
const WITHOUT_SESSIONS = '2026-07-28'

interface Opened {
  readonly id: string
  readonly owner: string
}

export function createSessions(sealer: Sealer): Sessions {
  const known = createBoundedMap<string, Opened>({ entries: LIMIT })

  const names = createBoundedMap<string, string>({ entries: LIMIT })

  /** Returns a short name of the owner, which is part of every session id. */
  function nameOf({ user, client }: SessionOwner): string {
    const owner = `${user}\n${client}`
    const before = names.get(owner)
    if (before !== undefined) return before
    const name = digest(owner).slice(0, 22)
    names.set(owner, name)
    return name
  }

  const noOwner = nameOf({ resource: '', ...NO_OWNER })

  function read(outer: string, resource: string): Opened | undefined {
    const name = `${resource}\n${outer}`
    const before = known.get(name)
    if (before) return before
    const opened = outer.length > LONGEST ? undefined : sealer.open('mcp-session', resource, outer)
    if (!isPair(opened)) return undefined
    const session = { owner: opened[0], id: opened[1] }
    known.set(name, session)
    return session
  }

  const seal = (owner: SessionOwner, id: string): string =>
    sealer.seal('mcp-session', owner.resource, [nameOf(owner), id])

  return {
    open(headers, owner, { starts = false, upgrades = false } = {}) {
      const outer = headers.get(SESSION_HEADER)
      const isNamed = outer !== null && !starts && !hasNoSessions(headers)
      const session = isNamed ? read(outer, owner.resource) : undefined
      if (isNamed && !session) return 'session-not-found'
      if (session && session.owner !== nameOf(owner) && !(upgrades && session.owner === noOwner)) {
        return 'session-of-another-user'
      }
      return new BoundSession(outer, session?.id, { headers, owner, seal })
    },
  }
}

/** A class, because a closure would cost each request more. */
class BoundSession implements Session {
  readonly outer: string | null
  readonly inner: string | undefined
  readonly resumes: boolean
  readonly #headers: HeaderFields
  readonly #owner: SessionOwner
  readonly #seal: (owner: SessionOwner, id: string) => string

  constructor(
    outer: string | null,
    inner: string | undefined,
    by: {
      headers: HeaderFields
      owner: SessionOwner
      seal: (owner: SessionOwner, id: string) => string
    },
  ) {
    this.outer = outer
    this.inner = inner
    this.resumes = inner !== undefined
    this.#headers = by.headers
    this.#owner = by.owner
    this.#seal = by.seal
  }

  toClient(id: string): string | undefined {
    // The client keeps the id that it has.
    if (this.outer !== null && id === this.inner) return this.outer
    return hasNoSessions(this.#headers) ? undefined : this.#seal(this.#owner, id)
  }
}

/** Returns `true` for a request in a protocol version without sessions. */
const hasNoSessions = (headers: HeaderFields): boolean =>
  (headers.get('mcp-protocol-version') ?? '') >= WITHOUT_SESSIONS

const isPair = (value: unknown): value is [owner: string, id: string] =>
  Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'string')

/** Passes the ids of MCP servers on as they are. */
export const UNBOUND_SESSIONS: Sessions = {
  open(headers, _owner, { starts = false } = {}) {
    const outer = headers.get(SESSION_HEADER)
    return { outer, inner: starts || outer === null ? undefined : outer, resumes: true, toClient: (id) => id }
  },
}
