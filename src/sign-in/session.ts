import type { Context } from '../context.ts'
import { randomId } from '../crypto/random.ts'
import { clearCookies, joinCookies, readCookies, setCookies } from '../http/cookies.ts'
import type { Head } from '../http/head.ts'
import type { Identity } from '../ports.ts'
import { seconds } from '../timing.ts'

/**
 * Who is signed in to the account page: a sealed cookie and nothing else. It opens no other door, and no other cookie
 * opens this one.
 */
export interface Session {
  /** Keyed hash, as in the keys of grants. */
  readonly user: string
  /** What the person is called on the page. */
  readonly name: string | undefined
  /** What every form of the page must carry. */
  readonly token: string
  /** Seconds since the epoch. */
  readonly until: number
}

const NAME = 'session'

/** @returns The cookies that open a new session, in place of any that the browser had. */
export function openSession({ sealer, settings }: Context, user: string, identity: Identity): string[] {
  const session: Session = {
    user,
    name: (identity.email ?? identity.name)?.slice(0, 200),
    token: randomId(),
    until: settings.now() + seconds.session,
  }
  return setCookies(settings.cookies, NAME, sealer.seal('session', NAME, session), seconds.session)
}

/** Who is signed in in the browser that sent this. */
export function readSession({ sealer, settings }: Context, http: Pick<Head, 'headers'>): Session | undefined {
  const sealed = joinCookies(readCookies(http, settings.cookies), NAME)
  const session = sealer.open('session', NAME, sealed ?? '') as Session | undefined
  return session && session.until > settings.now() ? session : undefined
}

/** @returns The cookies that end the session. */
export const closeSession = ({ settings: { cookies } }: Context, http: Request): string[] =>
  clearCookies(cookies, readCookies(http, cookies), NAME)
