import { OAuthError } from '../errors.ts'

const invalidTarget = () =>
  new OAuthError('invalid_target', 'The requested resource is not served here', {
    reason: 'unknown-resource',
  })

/**
 * A resource indicator in the one form that is compared: lower-case scheme and host, no default port, no
 * query, no trailing slash. Clients differ in all of these.
 *
 * @throws {OAuthError} `invalid_target` for anything but an absolute http(s) URI without fragment.
 * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)
 */
export function canonicalResource(value: string): string {
  if (value.length > 2048 || value.includes('#') || !URL.canParse(value)) throw invalidTarget()
  const url = new URL(value)
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username || url.password) {
    throw invalidTarget()
  }
  return url.origin + url.pathname.replace(/\/$/, '')
}

/**
 * The one resource a request is about: the only one it names, or the first configured one.
 *
 * @throws {OAuthError} `invalid_target` for several or for one that is not ours.
 */
export function chooseResource<R extends { readonly id: string }>(
  requested: readonly string[],
  resources: readonly [R, ...R[]],
): R {
  if (requested.length === 0) return resources[0]
  const wanted = new Set(requested.map(canonicalResource))
  const [only] = wanted
  const found = resources.find((resource) => resource.id === only)
  if (wanted.size !== 1 || !found) throw invalidTarget()
  return found
}

/** @throws {OAuthError} `invalid_target` when a token request names another resource than the grant's. */
export function assertResource(requested: readonly string[], granted: string): void {
  if (requested.some((value) => canonicalResource(value) !== granted)) throw invalidTarget()
}
