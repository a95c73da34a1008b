import type { Context } from '../context.ts'
import { randomId } from '../crypto/random.ts'
import { clearCookies, joinCookies, readCookies, setCookies } from '../http/cookies.ts'
import type { Head } from '../http/head.ts'
import type { Identity } from '../ports.ts'
import { userName } from '../protocol/shown-name.ts'
import { seconds } from '../timing.ts'

/**
 * The session of a user on the account page: a sealed cookie and nothing else. It is valid for nothing else, and no other
 * cookie is valid as a session.
 */
export interface Session {
  /** The user's id, a keyed hash as in the keys of grants. */
  readonly user: string
  /** The user's name on the page. */
  readonly name: string | undefined
  /** The token that every form of the page must carry. */
  readonly token: string
  /** Seconds since the epoch. */
  readonly until: number
}

const NAME = 'session'

/** Returns the cookies that open a new session and replace an older one. */
export function openSession({ sealer, settings }: Context, user: string, identity: Identity): string[] {
  const session: Session = {
    user,
    name: shorten(userName(identity)),
    token: randomId(),
    until: settings.now() + seconds.session,
  }
  return setCookies(settings.cookies, NAME, sealer.seal('session', NAME, session), seconds.session)
}

/** Cuts a name to 250 bytes, so that the session leaves room for other cookies. */
function shorten(name: string | undefined): string | undefined {
  let short = name?.slice(0, 250)
  while (short && new TextEncoder().encode(short).length > 250) short = short.slice(0, -1)
  return short
}

/** Returns the session of the browser that sent a request. */
export function readSession({ sealer, settings }: Context, http: Pick<Head, 'headers'>): Session | undefined {
  const sealed = joinCookies(readCookies(http, settings.cookies), NAME)
  const session = sealer.open('session', NAME, sealed ?? '') as Session | undefined
  return session && session.until > settings.now() ? session : undefined
}

/** Returns the cookies that end the session. */
export const closeSession = ({ settings: { cookies } }: Context, http: Request): string[] =>
  clearCookies(cookies, readCookies(http, cookies), NAME)
