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
    | 'grant-ended'
    | 'upstream-refreshed'
    | 'refused'
    | 'failed'
  /** ISO 8601, UTC. */
  readonly time: string
  /** Also on the error page, so that the one is found by the other. */
  readonly requestId?: string | undefined
  /** Path of the endpoint, where a request led to it. */
  readonly endpoint?: string | undefined
  /** The OAuth code the peer was given. */
  readonly code?: string | undefined
  /** Why, for the operator. */
  readonly reason?: string | undefined
  /** The client's short key. */
  readonly client?: string | undefined
  /** Keyed hash of who signed in. */
  readonly user?: string | undefined
  /** `<user>.<id>` */
  readonly grant?: string | undefined
  readonly resource?: string | undefined
  /** The id of the provider the user signs in at. */
  readonly provider?: string | undefined
  /** What was thrown, where it was no refusal: its name and message. */
  readonly error?: string | undefined
}

/** Reports an event; never throws, never waits. */
export type Emit = (event: Omit<ProxyEvent, 'time'>) => void

/** Wraps the operator's listener: what it throws is its own affair, and no request may fail by it. */
export function createEmit(listener: ((event: ProxyEvent) => void) | undefined): Emit {
  if (!listener) return () => {}
  return (event) => {
    try {
      listener({ time: new Date().toISOString(), ...event })
    } catch {
      // An audit sink that fails must not take the sign-in down with it.
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
