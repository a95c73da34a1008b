import type { Provider, TokenAnswer } from '../providers/provider.ts'

/**
 * Makes of a token endpoint's answer what RFC 6749 §5 describes: JSON where it was a form, no nulls, a
 * `token_type`, the status 200 for every success. The provider's own repair comes between.
 */
export async function conformTokenAnswer(response: Response, provider: Provider): Promise<Response> {
  const body = parse(await response.text(), response.headers.get('content-type') ?? '')
  if (!body) return new Response(null, { status: response.status === 200 ? 502 : response.status })
  const repaired = provider.conformToken?.({ status: response.status, body }) ?? {
    status: response.status,
    body,
  }
  const { status, body: fields } = standardise(repaired)
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

function standardise({ status, body }: TokenAnswer): TokenAnswer {
  const fields = Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== null && value !== ''),
  )
  if (typeof fields.error === 'string') return { status: status < 400 ? 400 : status, body: fields }
  if (fields.access_token !== undefined) fields.token_type ??= 'bearer'
  if (Array.isArray(fields.scope)) fields.scope = fields.scope.join(' ')
  const expires = Number(fields.expires_in)
  // Missing, zero or nonsense all mean the same: the provider did not say.
  if (expires > 0) fields.expires_in = expires
  else delete fields.expires_in
  return { status: status === 201 ? 200 : status, body: fields }
}
