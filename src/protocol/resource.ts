import { OAuthError } from '../errors.ts'
import { parseUrl } from '../http/parse-url.ts'

const invalidTarget = () =>
  new OAuthError('invalid_target', 'The requested resource is not served here', {
    reason: 'unknown-resource',
  })

/**
 * Returns a resource indicator in the one form that is compared: lower-case scheme and host, no default port, no query,
 * no trailing slash. Clients differ in all of these.
 *
 * @throws {OAuthError} `invalid_target` for anything but an absolute http(s) URI without fragment.
 * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)
 */
export function canonicalResource(value: string): string {
  if (value.length > 2048 || value.includes('#')) throw invalidTarget()
  const url = parseUrl(value)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username || url.password) {
    throw invalidTarget()
  }
  return url.origin + url.pathname.replace(/\/$/, '')
}

interface Identified {
  readonly id: string
}

/** Tells whether a canonical URL lies at `base` or below it, without empty path segments. */
export const isAtOrBelow = (url: string, base: string): boolean =>
  url.startsWith(base) && /^(\/[^/]+)*$/.test(url.slice(base.length))

/**
 * Finds the resource that an indicator means: the innermost one at or above it. With a single resource the indicator
 * may also lie above it, because some clients send the origin alone.
 *
 * @throws {OAuthError} `invalid_target` if the value is not a resource indicator.
 */
export function findResource<R extends Identified>(value: string, resources: readonly R[]): R | undefined {
  const wanted = canonicalResource(value)
  const [only, ...others] = resources
  const [innermost] = resources
    .filter(({ id }) => isAtOrBelow(wanted, id))
    .sort((a, b) => b.id.length - a.id.length)
  if (innermost) return innermost
  return only && others.length === 0 && isAtOrBelow(only.id, wanted) ? only : undefined
}

/**
 * Returns the one resource that a request names, or the first configured one.
 *
 * @throws {OAuthError} `invalid_target` if the request names several, or one that is not served here.
 */
export function chooseResource<R extends Identified>(
  requested: readonly string[],
  resources: readonly [R, ...R[]],
): R {
  if (requested.length === 0) return resources[0]
  const [found, ...others] = new Set(requested.map((value) => findResource(value, resources)))
  if (!found || others.length > 0) throw invalidTarget()
  return found
}

/**
 * Returns the ids of the resources that a token request names. An indicator of an unknown resource stays as it is, so
 * that it equals no id.
 *
 * @throws {OAuthError} `invalid_target` if a value is not a resource indicator.
 */
export const resourceIds = (requested: readonly string[], resources: readonly Identified[]): string[] =>
  requested.map((value) => findResource(value, resources)?.id ?? canonicalResource(value))

/**
 * Checks that a token request names no other resource than the grant's.
 *
 * @param named Ids from {@link resourceIds}.
 * @throws {OAuthError} `invalid_target`
 */
export function assertResource(named: readonly string[], granted: string): void {
  if (named.some((id) => id !== granted)) throw invalidTarget()
}
