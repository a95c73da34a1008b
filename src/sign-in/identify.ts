import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Identity, UpstreamTokens } from '../ports.ts'
import { isWelcome } from '../upstream/admit-user.ts'
import type { Upstream, UpstreamFlow } from '../upstream/upstream.ts'

/** What a provider's answer may say that this server listens to. */
export const ANSWER: readonly string[] = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri']

/** Who signed in, with what the provider gave, and whether this server wants them. */
export interface Judged {
  readonly identity: Identity
  readonly tokens: UpstreamTokens
  readonly allowed: boolean
}

/**
 * Who came back from the provider, and whether this server wants them.
 *
 * @throws {OAuthError} Where the provider refused or its answer does not hold.
 */
export async function judgeAnswer(
  { settings: { allow } }: Context,
  upstream: Upstream,
  fields: Readonly<Record<string, string | undefined>>,
  flow: UpstreamFlow,
): Promise<Judged> {
  const answer = new URLSearchParams(ANSWER.flatMap((name) => (fields[name] ? [[name, fields[name]]] : [])))
  const { identity, tokens } = await upstream.exchange(answer, flow)
  return {
    identity,
    tokens,
    allowed: upstream.admits(identity) && (await isWelcome(allow, upstream, identity)),
  }
}

/** What was thrown, as the peer may see it. */
export const asRefusal = (error: unknown): OAuthError =>
  error instanceof OAuthError
    ? error
    : new OAuthError('server_error', 'Something went wrong on our side', {
        reason: 'unexpected',
        cause: error,
      })
