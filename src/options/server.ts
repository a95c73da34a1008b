import * as v from 'valibot'
import { isGuessable } from '../crypto/weak-secret.ts'
import { type CookieRule, HOST_COOKIES, LOOPBACK_COOKIES } from '../http/cookies.ts'
import { isLoopbackUrl } from '../http/loopback.ts'
import type { Store } from '../ports.ts'
import { isHttps } from '../providers/parts/https.ts'
import { byKind, type Entries, flag, listOf, made, type WithDefaults } from '../validation/shape.ts'
import { isTrimmed, UNTRIMMED } from '../validation/trimmed.ts'
import type { Report } from './report.ts'

/** Options of the server itself. */
export interface ServerOptions {
  /** The public URL, without query, which is also the issuer. https, or http on a loopback host. */
  url: string
  /** The secret that seals tokens, of at least 32 random characters. To rotate, put the new one first and keep the old ones: they still open what they sealed. */
  secret: string | readonly string[]
  /**
   * The secret that the ids of users follow. By default it is `secret`. With several secrets it is the one that the ids
   * follow already, or the last one if the storage has no grant. Move a secret here when you remove it from `secret`, and
   * users keep their ids. It opens and seals nothing.
   */
  userIdSecret?: string | undefined
  /**
   * Accepts a guessable `secret` at a public `url`. An attacker who guesses it can make tokens.
   *
   * @default false
   */
  dangerouslyAllowWeakSecret?: boolean | undefined
  /** The store of grants, from `lockgate/storage/…`. */
  storage: Store
}

const DEFAULTS = { dangerouslyAllowWeakSecret: false } as const

export type ServerParsed = WithDefaults<ServerOptions, typeof DEFAULTS>

const SECRET_RULE = 'expected at least 32 random characters; `lockgate secret` makes them'
const secret = v.pipe(v.string(), v.check(isTrimmed, UNTRIMMED), v.minLength(32, SECRET_RULE))

export const serverEntries: Entries<ServerOptions, ServerParsed> = {
  url: v.pipe(
    v.string(),
    v.check(isHttps, 'expected an https URL without query (http only on localhost, 127.0.0.1 or [::1])'),
    v.check(
      (input) => !input.includes('/.well-known/'),
      'is the address of a metadata document: remove the part from `/.well-known/`',
    ),
  ),
  secret: byKind({ text: secret, list: listOf(secret, 1) }, SECRET_RULE),
  userIdSecret: v.optional(secret),
  dangerouslyAllowWeakSecret: v.optional(flag, DEFAULTS.dangerouslyAllowWeakSecret),
  storage: v.pipe(
    made<Store>(['get', 'set', 'swap', 'delete', 'keys'], 'expected a store, such as memory()'),
    v.check(
      ({ problem }) => problem === undefined,
      ({ input }) => input.problem ?? '',
    ),
  ),
}

export interface ServerSettings {
  /** The issuer: the one string that identifies this server everywhere. */
  readonly issuer: string
  readonly origin: string
  /** The host of `url`, with its port. */
  readonly publicHost: string
  /** `https`, or `http` on a loopback host. */
  readonly publicScheme: string
  /** Empty, or a path with a leading and without a trailing slash. */
  readonly basePath: string
  readonly secrets: readonly [string, ...string[]]
  /** Absent: the ids of users follow one of `secrets`. */
  readonly userIdSecret: string | undefined
  readonly storage: Store
  readonly cookies: CookieRule
}

export function settleServer(options: ServerParsed, report: Report): ServerSettings {
  const { url, secret, userIdSecret, storage, dangerouslyAllowWeakSecret } = options
  const { origin, pathname } = new URL(url)
  const basePath = pathname.replace(/\/+$/, '')
  const secrets = [secret].flat() as [string, ...string[]]
  if (secrets.some(isGuessable) && !dangerouslyAllowWeakSecret && !isLoopbackUrl(url)) {
    report(
      'secret',
      'is guessable; `npx lockgate secret` makes a random one (if you mean it: dangerouslyAllowWeakSecret)',
      'url',
    )
  }
  return {
    issuer: origin + basePath,
    origin,
    publicHost: new URL(origin).host,
    publicScheme: new URL(origin).protocol.slice(0, -1),
    basePath,
    secrets,
    userIdSecret,
    storage,
    // The check of `url` accepts http on loopback hosts only.
    cookies: origin.startsWith('http:') ? LOOPBACK_COOKIES : HOST_COOKIES,
  }
}
