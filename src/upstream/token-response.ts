import { at, firstTextAt, textAt } from '../providers/parts/pointer.ts'
import type { Provider, TokenAnswer } from '../providers/provider.ts'
import { InvalidResponse, ProviderRefusal } from './refusal.ts'

/** The members that hold the description of an error, in the order in which they are read. */
const DESCRIPTION = ['error_description', 'message', 'msg', 'error_message', 'reason', 'error.message']

/** The characters of a response that is not JSON that rules can match. */
const TEXT = 2000

/**
 * The characters of a token: RFC 6749 appendix A.12 without the space, which no header field can carry.
 *
 * @see [RFC 6749 A.12](https://www.rfc-editor.org/rfc/rfc6749#appendix-A.12)
 */
const TOKEN = /^[\x21-\x7e]+$/

/**
 * Converts a token response to the form of RFC 6749 §5: JSON instead of a form, no nulls, a `token_type`, status 200
 * for every success. The definition's own repair comes in between.
 *
 * @throws {ProviderRefusal} If the response names an error, or has a status of 400 or more.
 * @throws {InvalidResponse} If a token has characters that no token may have. The token is not quoted.
 */
export async function conformTokenAnswer(
  response: Response,
  provider: Provider,
  phase: 'exchange' | 'refresh' = 'exchange',
): Promise<Response> {
  const { status } = response
  const text = await response.text()
  const body = parse(text, response.headers.get('content-type') ?? '')
  if (!body) {
    if (status < 400) return new Response(null, { status: status === 200 ? 502 : status })
    throw new ProviderRefusal({ status, error: undefined, description: text.slice(0, TEXT), body: undefined })
  }
  const answer = lift({ status, body, phase }, provider)
  const conformed = withoutGaps(provider.conformToken?.(answer) ?? answer)
  const error = errorOf(conformed, provider)
  if (isRefusal(conformed, error)) {
    const description = firstTextAt(conformed.body, DESCRIPTION)
    throw new ProviderRefusal({ status: conformed.status, error, description, body: conformed.body })
  }
  const fields = standardise(conformed.body, provider)
  const standard = conformed.status === 201 ? 200 : conformed.status
  return new Response(JSON.stringify(fields), {
    status: standard,
    headers: { 'content-type': 'application/json' },
  })
}

function parse(text: string, type: string): Record<string, unknown> | undefined {
  if (type.startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(text))
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Moves tokens that are nested to the top, as the definition says. */
function lift(answer: TokenAnswer, { answer: { tokens: pointer } = {} }: Provider): TokenAnswer {
  const { body } = answer
  const tokens = pointer === undefined ? undefined : at(body, pointer)
  return typeof tokens === 'object' && tokens !== null ? { ...answer, body: { ...body, ...tokens } } : answer
}

const withoutGaps = ({ status, body }: TokenAnswer): TokenAnswer => ({
  status,
  body: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== '')),
})

const errorOf = ({ body }: TokenAnswer, { answer }: Provider): string | undefined =>
  textAt(body, 'error') ?? firstTextAt(body, [answer?.error ?? []].flat())

/** Some providers refuse with status 200, even next to a token. */
const isRefusal = ({ status, body }: TokenAnswer, error: string | undefined): boolean =>
  status >= 400 ||
  typeof body.error === 'string' ||
  body.ok === false ||
  (error !== undefined && body.access_token === undefined)

function standardise(
  body: TokenAnswer['body'],
  { answer, idToken, scopeSeparator }: Provider,
): Record<string, unknown> {
  const fields = { ...body }
  for (const name of ['access_token', 'refresh_token'])
    if (typeof fields[name] === 'string' && !TOKEN.test(fields[name]))
      throw new InvalidResponse(`${name} has characters that no token may have`)
  if (fields.access_token !== undefined)
    fields.token_type = answer?.tokenType ?? fields.token_type ?? 'bearer'
  const scope = answer?.scope === undefined ? fields.scope : (at(body, answer.scope) ?? fields.scope)
  const separator = answer?.scopeSeparator ?? scopeSeparator
  if (Array.isArray(scope)) fields.scope = scope.join(' ')
  else if (scope !== undefined) fields.scope = scope
  if (separator !== ' ' && typeof fields.scope === 'string')
    fields.scope = fields.scope.replaceAll(separator, ' ')
  // An ID token that was not requested would need validation, and nothing uses it.
  if (!idToken) delete fields.id_token
  const expires = Number(fields.expires_in)
  // A missing, zero or invalid lifetime is unknown.
  if (expires > 0) fields.expires_in = expires
  else delete fields.expires_in
  return fields
}
