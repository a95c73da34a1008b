import { OAuthError } from '../errors.ts'
import { BodyTooLarge, readCapped } from './capped-body.ts'
import type { HeaderFields } from './head.ts'

const tooLarge = () =>
  new OAuthError('invalid_request', 'The request body is too large', {
    status: 413,
    reason: 'body-too-large',
  })

/**
 * A request's body as text, never more than `limit` bytes of it, whatever `Content-Length` says.
 *
 * @throws {OAuthError} `invalid_request` with status 413 over the limit, 400 for invalid UTF-8.
 */
export async function readText(request: Request, limit: number): Promise<string> {
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  try {
    return await readCapped(request.body, { limit })
  } catch (error) {
    if (error instanceof BodyTooLarge) throw tooLarge()
    throw new OAuthError('invalid_request', 'The request body could not be read', {
      reason: 'body-unreadable',
      cause: error,
    })
  }
}

/** The media type of a request without its parameters, in lower case. */
export function mediaType({ headers }: { readonly headers: HeaderFields }): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
}
