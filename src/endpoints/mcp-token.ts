import type { Context } from '../context.ts'
import { parseGrantKey } from '../grants/grant-key.ts'
import type { Admission } from '../guard/admission.ts'
import type { Resource } from '../options/options.ts'
import { malformedProviderToken, noProviderToken } from '../refusals.ts'

/** Gets the bearer token that an MCP server receives. */
export interface TokenSource {
  /** @param refused A token that the server refused. */
  token(admission: Admission, refused?: string): Promise<string>
  /** `true` if a refused token can be replaced without the client. */
  readonly renews: boolean
}

/** Returns `undefined` for a server that receives none. */
export function createTokenSource(resource: Resource, { exchanged }: Context): TokenSource | undefined {
  if (resource.exchange) {
    return { renews: true, token: ({ grant, auth }, refused) => ofGrant(grant, auth.scopes, refused) }
  }
  if (resource.forward !== 'upstream-token' || !('url' in resource.target)) return undefined
  return {
    renews: false,
    token: ({ auth }, refused) =>
      auth.upstream.accessToken(refused === undefined ? {} : { refused }).then(plain),
  }

  async function ofGrant(
    grant: string | undefined,
    scopes: readonly string[],
    refused: string | undefined,
  ): Promise<string> {
    const key = grant === undefined ? undefined : parseGrantKey(grant)
    if (key) return exchanged.token(key, resource, scopes, refused)
    throw noProviderToken('an API key, or a token of the provider itself')
  }
}

/** Returns a token with the characters that a header can hold as one word (RFC 6750 §2.1, and more). */
function plain(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw malformedProviderToken()
}
