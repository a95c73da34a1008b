import { isLoopbackHost } from '../http/loopback.ts'

/** The part of a client that decides whether an approval of it may be remembered. */
export interface RememberedClient {
  readonly kind: 'configured' | 'registered' | 'document' | 'workload'
  readonly redirectUris: readonly string[]
}

/** Pages on the web that hand every response over to an application on the user's computer, whichever listens. */
const HANDED_OVER: ReadonlySet<string> = new Set(['vscode.dev', 'insiders.vscode.dev'])

/** Returns `true` if only the owner of a web site receives what is sent to a redirect URI. */
function isOfASite(uri: string): boolean {
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' && !isThisComputer(hostname) && !HANDED_OVER.has(hostname)
}

/** Includes the names and addresses that only some systems resolve to themselves. */
const isThisComputer = (hostname: string): boolean =>
  isLoopbackHost(hostname) || /(^|\.)localhost$|^127\.|^0\.0\.0\.0$/.test(hostname)

/**
 * Tells whether an approval may be remembered. Any program may claim to be a client on the user's computer, and any site
 * may register a client under any name. That leaves the clients that the operator configured and those with a metadata
 * document, as long as their responses go to a web site.
 *
 * @see [RFC 8252 §8.6](https://www.rfc-editor.org/rfc/rfc8252#section-8.6)
 */
export function mayRemember({ kind, redirectUris }: RememberedClient, redirectUri: string): boolean {
  if (kind === 'configured') return isOfASite(redirectUri)
  return kind === 'document' && [...redirectUris, redirectUri].every(isOfASite)
}

/**
 * Tells whether a client wants its user to be asked. A `max_age` or any `prompt` means that the user has to act.
 *
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
 */
export const wantsPage = ({ prompt, max_age }: Readonly<Record<string, string | undefined>>): boolean =>
  prompt !== undefined || max_age !== undefined

/** An approval as the storage keeps it. */
export interface Approval {
  /** Names what was approved, apart from the scopes: the client as it was, the redirect URI and the resource. */
  readonly subject: string
  /** The client's short key. */
  readonly client: string
  readonly clientName: string
  /** The provider that the user signed in at. */
  readonly provider: string
  /** The scopes that the user left in. */
  readonly scope: readonly string[]
  /** The provider's scopes that the page named for these. */
  readonly upstream: readonly string[]
  /** `true` if the client was to get refresh tokens. */
  readonly refreshes: boolean
  /** Seconds since the epoch. */
  readonly until: number
}

/** A request that an earlier approval may cover. */
export type ApprovableRequest = Pick<Approval, 'subject' | 'scope' | 'refreshes'>

/** Tells whether an approval covers a request. @param upstream The provider's scopes for the approved scopes, as of now. */
export const coversRequest = (
  approval: Approval,
  asked: ApprovableRequest,
  upstream: readonly string[],
): boolean =>
  approval.subject === asked.subject &&
  (approval.refreshes || !asked.refreshes) &&
  asked.scope.every((one) => approval.scope.includes(one)) &&
  approval.upstream.length === upstream.length &&
  upstream.every((one) => approval.upstream.includes(one))
