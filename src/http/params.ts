import { OAuthError } from '../errors.ts'
import { mediaType, readText } from './body.ts'

/** The parameters of a request, each present once and not empty. Only `resource` may repeat (RFC 8707 §2). */
export interface Params {
  readonly fields: Readonly<Record<string, string>>
  readonly resources: readonly string[]
}

const FORM_LIMIT = 64 * 1024
const PARAM_LIMIT = 200

/**
 * Collects parameters. An empty value counts as absent.
 *
 * @throws {OAuthError} `invalid_request` if one is repeated.
 * @see [RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)
 */
export function toParams(search: URLSearchParams): Params {
  const fields: Record<string, string> = Object.create(null)
  const resources: string[] = []
  const seen = new Set<string>()
  for (const [name, value] of search) {
    if (name === 'resource') {
      if (value !== '') resources.push(value)
    } else {
      if (seen.has(name))
        throw new OAuthError('invalid_request', 'A parameter is repeated', {
          reason: 'repeated-parameter',
          detail: name,
        })
      seen.add(name)
      if (value !== '') fields[name] = value
    }
    if (seen.size + resources.length > PARAM_LIMIT) {
      throw new OAuthError('invalid_request', 'There are too many parameters', {
        reason: 'too-many-parameters',
      })
    }
  }
  return { fields, resources }
}

/**
 * Returns the parameters of a form post.
 *
 * @throws {OAuthError} `invalid_request` for another media type, a body over 64 KiB (413) or a repeated parameter.
 */
export async function readForm(request: Request): Promise<Params> {
  if (mediaType(request) !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded', {
      reason: 'not-a-form',
    })
  }
  return toParams(new URLSearchParams(await readText(request, FORM_LIMIT)))
}

/** Returns a required parameter. @throws {OAuthError} `invalid_request` if it is missing. */
export function required({ fields }: Params, name: string): string {
  const value = fields[name]
  if (value !== undefined) return value
  throw new OAuthError('invalid_request', `The ${name} is missing`, {
    reason: 'missing-parameter',
    detail: name,
  })
}
