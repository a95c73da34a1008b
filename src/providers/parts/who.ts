import { OAuthError } from '../../errors.ts'
import type { Fetch } from '../../ports.ts'

/** The refusal where nothing names the person. @param detail For events: never what the provider wrote. */
export const nobody = (detail: string): OAuthError =>
  new OAuthError('server_error', 'The provider did not say who signed in', {
    reason: 'identity-missing',
    detail,
  })

/**
 * A GET that has to say who somebody is.
 *
 * @throws {OAuthError} `server_error` where it is refused.
 */
export async function getJson(fetch: Fetch, url: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: 'application/json', ...headers } })
  if (!response.ok) throw nobody(`${new URL(url).host} answered ${response.status}`)
  return response.json()
}
