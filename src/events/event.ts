import type { ReasonCode } from '../reasons/reasons.ts'

/** What a refusal, a failure or a change is reported with. Never a token, code, secret or e-mail address. */
export interface ProxyEvent {
  readonly type:
    | 'registered'
    | 'consented'
    | 'denied'
    | 'signed-in'
    | 'turned-away'
    | 'account-opened'
    | 'api-key-used'
    | 'issued'
    | 'refreshed'
    | 'revoked'
    | 'reuse-detected'
    | 'grant-ended'
    | 'upstream-refreshed'
    | 'forwarded'
    | 'refused'
    | 'rate-limited'
    | 'failed'
  /** ISO 8601, UTC. */
  readonly time: string
  /**
   * Also on the error page, so that the one is found by the other. Absent where an event is of no single request, such
   * as a refresh that several wait for.
   */
  readonly requestId?: string | undefined
  /** Path of the endpoint, where a request led to it. */
  readonly endpoint?: string | undefined
  /** The OAuth code the peer was given. */
  readonly code?: string | undefined
  /** Why, in one word that stays the same. */
  readonly reason?: ReasonCode | undefined
  /** What goes with the reason, such as the name of a parameter: for people, and not to be relied on. */
  readonly detail?: string | undefined
  /** The client's short key. */
  readonly client?: string | undefined
  /** Keyed hash of who signed in. */
  readonly user?: string | undefined
  /** `<user>.<id>` */
  readonly grant?: string | undefined
  readonly resource?: string | undefined
  /** The id of the provider the user signs in at. */
  readonly provider?: string | undefined
  /** What the MCP server answered. */
  readonly status?: number | undefined
  /** Milliseconds until that answer began. */
  readonly duration?: number | undefined
  /** What was asked of the MCP server, as the client says: its `Mcp-Method`, with `Mcp-Name` for a tool or a prompt. */
  readonly action?: string | undefined
  /** What was thrown, where it was no refusal: its name and message. */
  readonly error?: string | undefined
}

/** Reports an event; never throws, never waits. */
export type Emit = (event: Omit<ProxyEvent, 'time'>) => void

/** Is told everything that happens. */
export type Listener = (event: ProxyEvent) => void

/** Wraps the operator's listeners: what one throws is its own affair, and no request may fail by it. */
export function createEmit(listeners: readonly Listener[]): Emit {
  if (listeners.length === 0) return () => {}
  return (event) => {
    const told = { time: new Date().toISOString(), ...event }
    for (const listener of listeners) {
      try {
        listener(told)
      } catch {
        // An audit sink that fails must not take the sign-in down with it, nor another sink.
      }
    }
  }
}

/** An unexpected error as an event shows it. Causes are followed, since the outermost often says least. */
export function describeError(error: unknown): string {
  const texts: string[] = []
  for (let current = error; current !== undefined && current !== null && texts.length < 4; ) {
    if (!(current instanceof Error)) return [...texts, typeof current].join(': ')
    const code = (current as { code?: unknown }).code
    // The messages of parsers quote what they could not read.
    if (current.name === 'ValiError' || current.name === 'SyntaxError') {
      texts.push(current.name)
      current = current.cause
      continue
    }
    texts.push(typeof code === 'string' ? `${current.name} ${code}` : `${current.name} ${current.message}`)
    current = current.cause
  }
  return texts.join(' ← ')
}
