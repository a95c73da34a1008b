import { at } from '../providers/parts/pointer.ts'
import type { Provider, TokenAnswer } from '../providers/provider.ts'

/**
 * Makes of a token endpoint's answer what RFC 6749 §5 describes: JSON where it was a form, no nulls, a
 * `token_type`, the status 200 for every success. The provider's own repair comes between.
 */
export async function conformTokenAnswer(
  response: Response,
  provider: Provider,
  phase: 'exchange' | 'refresh' = 'exchange',
): Promise<Response> {
  const body = parse(await response.text(), response.headers.get('content-type') ?? '')
  if (!body) return new Response(null, { status: response.status === 200 ? 502 : response.status })
  const answer = lift({ status: response.status, body, phase }, provider)
  const { status, body: fields } = standardise(provider.conformToken?.(answer) ?? answer, provider)
  return new Response(JSON.stringify(fields), { status, headers: { 'content-type': 'application/json' } })
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

/** Puts where they belong the tokens and the error that stand deeper, as the definition says. */
function lift(answer: TokenAnswer, { answer: places = {} }: Provider): TokenAnswer {
  const { body } = answer
  const tokens = places.tokens === undefined ? undefined : at(body, places.tokens)
  const error = places.error === undefined ? undefined : at(body, places.error)
  const lifted = {
    ...body,
    ...(typeof tokens === 'object' && tokens !== null && tokens),
    ...(typeof error === 'string' && { error }),
  }
  return { ...answer, body: lifted }
}

function standardise({ status, body }: TokenAnswer, { answer, idToken }: Provider): TokenAnswer {
  const fields = Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== null && value !== ''),
  )
  if (typeof fields.error === 'string') return { status: status < 400 ? 400 : status, body: fields }
  if (fields.access_token !== undefined)
    fields.token_type = answer?.tokenType ?? fields.token_type ?? 'bearer'
  if (Array.isArray(fields.scope)) fields.scope = fields.scope.join(' ')
  if (answer?.scopeSeparator !== undefined && typeof fields.scope === 'string')
    fields.scope = fields.scope.replaceAll(answer.scopeSeparator, ' ')
  // One that nobody asked for would have to be checked, and says nothing that anybody reads.
  if (!idToken) delete fields.id_token
  const expires = Number(fields.expires_in)
  // Missing, zero or nonsense all mean the same: the provider did not say.
  if (expires > 0) fields.expires_in = expires
  else delete fields.expires_in
  return { status: status === 201 ? 200 : status, body: fields }
}
