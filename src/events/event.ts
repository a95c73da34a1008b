import type { ReasonCode } from '../reasons/reasons.ts'
import { createGathering } from './gather.ts'

/** The members that any event may have. None is a token, code, secret or e-mail address. */
export interface EventBase {
  /** The time in ISO 8601, UTC. */
  readonly time: string
  /**
   * The id of the request, also on the error page. Absent if the event belongs to no single request, such as a refresh
   * that several requests wait for.
   */
  readonly requestId?: string | undefined
  /** The path of the endpoint, if a request led to it. */
  readonly endpoint?: string | undefined
  /** The short key of the client. */
  readonly client?: string | undefined
  /** The name that the client chose for itself. */
  readonly clientName?: string | undefined
  /** A keyed hash of the user's identity. */
  readonly user?: string | undefined
  /** The grant, as `<user>.<id>`. */
  readonly grant?: string | undefined
  /** The URL of the MCP server. */
  readonly resource?: string | undefined
  /** The id of the provider that the user signs in at. */
  readonly provider?: string | undefined
}

interface OfAGrant {
  readonly user: string
  readonly grant: string
}

interface OfAGrantOrKey {
  readonly user: string
  readonly resource: string
}

/** A reason, and what belongs to it. */
interface Reasoned {
  readonly reason: ReasonCode
  /** Details of the reason, such as the name of a parameter. For people: the text may change in any release. */
  readonly detail?: string | undefined
}

interface Refused extends Reasoned {
  /** The OAuth error code that the peer received. */
  readonly code?: string | undefined
  /** The name and message of the error that caused it. */
  readonly error?: string | undefined
}

/** The members of each type of event, in addition to those of {@link EventBase}. */
export interface EventMembers {
  /** A client registered itself. A `reason` tells that it changed or deleted its registration instead. */
  readonly registered: {
    readonly client: string
    readonly reason?: 'registration-changed' | 'registration-deleted' | undefined
  }
  /** The user approved the request of a client. */
  readonly consented: { readonly client: string; readonly resource: string; readonly provider: string }
  /** An earlier approval, of this user and this browser, covered the request of a client. No page was shown. */
  readonly 'consent-remembered': {
    readonly client: string
    readonly resource: string
    readonly provider: string
    readonly user: string
  }
  /** The user denied the request of a client. */
  readonly denied: { readonly client: string; readonly resource: string }
  /** The user returned from the provider, and a grant was written. */
  readonly 'signed-in': OfAGrant
  /** The provider identified the user, but `allow` does not admit them. */
  readonly 'turned-away': Reasoned
  /** The user signed in to the account page. */
  readonly 'account-opened': { readonly user: string }
  /** A process saw an API key for the first time, or `verifyApiKey` identified it. */
  readonly 'api-key-used': {
    readonly client: string
    readonly user: string
    /** The name of the key. */
    readonly detail: string
  }
  /** The client received tokens for a code, for its own credentials or for an assertion. */
  readonly issued: OfAGrant & {
    /** The issuer and the rule, if the client exchanged an assertion. */
    readonly detail?: string | undefined
  }
  /** The client received tokens for a refresh token. */
  readonly refreshed: OfAGrant
  /** A token or an identity was signed without a claim that the operator chose, because it did not fit. */
  readonly 'claim-omitted': OfAGrantOrKey & Reasoned
  /** A client revoked a token. */
  readonly revoked: OfAGrant & {
    /** The kind of the token. */
    readonly detail: string
  }
  /** A code or refresh token was used again: it leaked, or one client runs twice. */
  readonly 'reuse-detected': OfAGrant & Reasoned
  /** A grant ended. */
  readonly 'grant-ended': OfAGrant & Reasoned
  /** The provider's token was refreshed. */
  readonly 'upstream-refreshed': OfAGrant
  /** A request reached the MCP server, which responded. */
  readonly forwarded: {
    readonly endpoint: string
    readonly resource: string
    /** The status of the response. */
    readonly status: number
    /** The time until the response began, in milliseconds. */
    readonly duration: number
    /** The action that the client announces: its `Mcp-Method`, with `Mcp-Name` for a tool or a prompt. */
    readonly action?: string | undefined
  }
  /** A proxy in front was told that a request may pass. It carries the request itself. */
  readonly admitted: {
    readonly endpoint: string
    readonly resource: string
    readonly action?: string | undefined
  }
  /** An action of a client is over, at a server with `audit`. One event for each message. */
  readonly called: {
    readonly endpoint: string
    readonly resource: string
    /** The JSON-RPC method, or `other`. */
    readonly method: string
    /** The name of the tool. */
    readonly tool?: string | undefined
    /**
     * `tool-error` if the tool reported an error in its result, `error` for any other error, `unanswered` if the response
     * ended without the result.
     */
    readonly outcome: 'ok' | 'tool-error' | 'error' | 'unanswered'
    /** The status of the response, if there was one. */
    readonly status?: number | undefined
    /** The size of the response, in bytes or characters. */
    readonly size: number
    /** The time until the response ended, in milliseconds. */
    readonly duration: number
    /** The text that `audit.arguments` returned. */
    readonly arguments?: string | undefined
  }
  /** A request was refused. */
  readonly refused: Refused
  /** A request was refused because there were too many. */
  readonly 'rate-limited': Refused & {
    /** The requests that this event stands for, if they are more than one: those since the last equal event. */
    readonly count?: number
  }
  /** A request or background work failed, here or at a server that is needed for it. */
  readonly failed: Refused
}

/** Members that only some types of events have. */
type Rare =
  | 'reason'
  | 'detail'
  | 'code'
  | 'error'
  | 'status'
  | 'duration'
  | 'action'
  | 'method'
  | 'tool'
  | 'outcome'
  | 'size'
  | 'arguments'

/** The members of one type of event, and the absence of all others, so that any event can be read for any member. */
type Exactly<Members> = Members & { readonly [Name in Exclude<Rare, keyof Members>]?: undefined }

type EventOf<Type extends keyof EventMembers> = { readonly type: Type } & Exactly<EventMembers[Type]>

/**
 * Something that happened, for logs, audits and metrics. A union by `type`.
 *
 * @example
 * ```ts
 * on: {
 *   event(event) {
 *     if (event.type === 'forwarded') histogram.record(event.duration)
 *     if (event.type === 'failed') console.error(event.reason, event.error)
 *   },
 * }
 * ```
 */
export type ProxyEvent = { [Type in keyof EventMembers]: EventBase & EventOf<Type> }[keyof EventMembers]

/** An event before it gets its time. */
export type NewEvent = {
  [Type in keyof EventMembers]: Omit<EventBase, 'time'> & EventOf<Type>
}[keyof EventMembers]

/** Reports an event. Never throws and never waits. */
export type Emit = (event: NewEvent) => void

/** A function that is called with every event. */
export type Listener = (event: ProxyEvent) => void

/** Creates the function that calls the operator's listeners. An exception of one affects no request and no other listener. */
export function createEmit(listeners: readonly Listener[]): Emit {
  if (listeners.length === 0) return () => {}
  const gather = createGathering()
  return (emitted) => {
    const event = emitted.type === 'rate-limited' ? gather(emitted) : emitted
    if (!event) return
    const timed: ProxyEvent = { time: new Date().toISOString(), ...event }
    for (const listener of listeners) {
      try {
        // An `async` function is a listener too, and a rejection without a handler would end the process.
        const heard: unknown = listener(timed)
        if (heard instanceof Promise) heard.catch(() => {})
      } catch {
        // A failing audit log must not make the sign-in fail.
      }
    }
  }
}
