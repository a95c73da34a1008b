import { OAuthError, StatedError } from '../../errors.ts'
import type { Fetch } from '../../ports.ts'

/** Returns the refusal of a sign-in that names no user. @param detail For events: never the provider's own words. */
export const unknownUser = (detail: string, cause?: unknown): OAuthError =>
  new OAuthError('server_error', 'The provider did not say who signed in', {
    reason: 'identity-missing',
    detail,
    cause,
  })

/** A refusal of the request that identifies the user. */
export class IdentityRefused extends StatedError {
  override readonly name = 'IdentityRefused'
  readonly status: number

  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
  }
}

/**
 * Requests JSON that identifies the user.
 *
 * @throws {OAuthError} `server_error` if the request is refused.
 */
export async function getJson(fetch: Fetch, url: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: 'application/json', ...headers } })
  if (!response.ok) {
    const detail = `${new URL(url).host} answered ${response.status}`
    throw unknownUser(detail, new IdentityRefused(response.status))
  }
  return response.json()
}
