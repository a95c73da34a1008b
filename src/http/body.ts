import { OAuthError } from '../errors.ts'
import { ms } from '../timing.ts'
import { trimBlanks } from './blanks.ts'
import { BodyTooLarge, readCapped } from './capped-body.ts'
import type { HeaderFields } from './head.ts'

const tooLarge = () =>
  new OAuthError('invalid_request', 'The request body is too large', {
    status: 413,
    reason: 'body-too-large',
  })

const tooSlow = () =>
  new OAuthError('invalid_request', 'The request body did not arrive in time', {
    status: 408,
    reason: 'body-too-slow',
  })

/**
 * Reads a request's body as text: at most `limit` bytes, within the deadline.
 *
 * @throws {OAuthError} `invalid_request`, with status 413 over the limit, 408 after the deadline, 400 for invalid UTF-8.
 */
export async function readText(request: Request, limit: number): Promise<string> {
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  const signal = AbortSignal.timeout(ms.requestBody)
  try {
    return await readCapped(request.body, { limit, signal })
  } catch (error) {
    if (error instanceof BodyTooLarge) throw tooLarge()
    if (signal.aborted) throw tooSlow()
    throw new OAuthError('invalid_request', 'The request body could not be read', {
      reason: 'body-unreadable',
      cause: error,
    })
  }
}

/** Returns the media type of a request without its parameters, in lower case. */
export function mediaType({ headers }: { readonly headers: HeaderFields }): string {
  const type = headers.get('content-type')
  if (type === null) return ''
  // Nearly every request of an MCP client has this very spelling.
  return type === JSON_TYPE ? type : trimBlanks(type.split(';', 1)[0]!).toLowerCase()
}

const JSON_TYPE = 'application/json'

/**
 * Returns whether a media type names another charset than UTF-8, or one in a way that programs read differently.
 *
 * @see [RFC 9110 §8.3.2](https://www.rfc-editor.org/rfc/rfc9110#section-8.3.2)
 */
export const hasOtherCharset = (type: string): boolean =>
  /charset/i.test(type.replace(/;[ \t]*charset[ \t]*=[ \t]*(?:utf-?8|"utf-?8")[ \t]*(?=;|$)/gi, ''))
