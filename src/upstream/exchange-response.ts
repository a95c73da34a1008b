import * as oauth from 'oauth4webapi'
import { InvalidResponse, ProviderRefusal } from './refusal.ts'

/** A token that a provider issued in an exchange. */
export interface ExchangedToken {
  readonly token: string
  /** Seconds from now. Absent if the response does not say. */
  readonly expiresIn: number | undefined
}

/** The expected form of the response. */
export interface Expected {
  /** The accepted values of `issued_token_type`. Absent: the response has none. */
  readonly types: readonly string[] | undefined
  /** Accepts a response without `issued_token_type`. */
  readonly mayLackType?: boolean
  /** `n_a` for a token that is not an access token (RFC 8693 §2.2.1). */
  readonly tokenType: 'bearer' | 'n_a'
}

/**
 * Reads the response of a token exchange.
 *
 * @throws {ProviderRefusal} If it names an error.
 * @throws {InvalidResponse} If it is not what was asked for. Nothing of it is quoted.
 * @see [RFC 8693 §2.2](https://www.rfc-editor.org/rfc/rfc8693#section-2.2)
 */
export async function readExchange(
  response: Response,
  { types, mayLackType = false, tokenType }: Expected,
  about: { readonly server: oauth.AuthorizationServer; readonly client: oauth.Client },
): Promise<ExchangedToken> {
  const { status } = response
  const body = await objectOf(response)
  if (status !== 200) {
    const error = typeof body?.error === 'string' ? body.error : undefined
    const description = typeof body?.error_description === 'string' ? body.error_description : undefined
    throw new ProviderRefusal({ status, error, description, body })
  }
  if (!body) throw new InvalidResponse('the response of the exchange is not a JSON object')
  const issued = body.issued_token_type
  if (types && !(issued === undefined && mayLackType) && !types.includes(issued as string)) {
    throw new InvalidResponse('the exchange issued another `issued_token_type` than was requested')
  }
  const { access_token, token_type, expires_in, scope } = body
  const seconds = Number(expires_in)
  // Only these members are used. An ID token or a refresh token of the response is dropped.
  const plain = {
    access_token,
    token_type,
    ...(seconds > 0 && { expires_in: seconds }),
    ...(typeof scope === 'string' && { scope }),
  }
  const { token_type: kind, access_token: token } = await oauth.processGenericTokenEndpointResponse(
    about.server,
    about.client,
    Response.json(plain),
    { recognizedTokenTypes: { n_a: () => {} } },
  )
  if (kind !== tokenType)
    throw new InvalidResponse('the exchange issued another `token_type` than was requested')
  // The characters that a header can hold as one word.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new InvalidResponse('the exchanged token has characters that no token may have')
  return { token, expiresIn: seconds > 0 ? seconds : undefined }
}

async function objectOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = await response.json()
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
