import type { ProvenClient } from '../../clients/authenticate-client.ts'
import type { ShownGrant } from '../../clients/client-by-grant.ts'
import type { Call, Context } from '../../context.ts'
import type { Params } from '../../http/params.ts'
import type { Settings } from '../../options/options.ts'
import type { ReasonCode } from '../../reasons/reasons.ts'
import type { Upstream } from '../../upstream/upstream.ts'

/** The parameters of a token request, and the tenant to which it was sent, if there are tenants. */
export interface TokenParams extends Params {
  readonly tenant: Upstream | undefined
}

/** The party that a token request claims to come from. Nothing is proven yet. */
export interface ClaimedParty {
  /** The name by which its failures are counted. */
  readonly id: string
  /** Half as many failures as usual are accepted. */
  readonly isStrict?: boolean
  /** Returns the party as a client, or throws. */
  prove(): Promise<ProvenClient>
}

/** One value of `grant_type`. A new one is a file of its own and a row in `grant-types.ts`. */
export interface GrantType {
  readonly name: string
  /** Returns `false` if no client may use it. It is then unknown, and not in the metadata. */
  isOffered(settings: Settings): boolean
  /** The reason code for a client that may not use it. */
  readonly notAllowed: ReasonCode
  /**
   * Returns the party that a request comes from, if this grant type has a rule of its own about clients. Default: the
   * client of the request's credentials.
   *
   * @param authorization The `Authorization` header.
   */
  claim?(ctx: Context, authorization: string | null, params: Params): ClaimedParty
  /** Returns the grant whose code or token came with the request. It identifies clients with a metadata document. */
  shown?(ctx: Context, params: Params): ShownGrant | undefined
  /**
   * Returns the token response for an authenticated client that may use this grant type. It spends the client's proof when
   * all checks have passed, and writes nothing before.
   *
   * @throws {OAuthError}
   */
  exchange(ctx: Context, call: Call, proven: ProvenClient, params: TokenParams): Promise<Response>
}
