import { foldPath } from '../http/target.ts'
import { ambiguousPath } from '../refusals.ts'

/**
 * Finds the protected resource that a path belongs to: the one with the longest path. A path that only a lenient router
 * would read as a longer one's is refused, so that no spelling leads around the scopes of a nested resource.
 *
 * @param isOwn Returns whether an endpoint of the proxy has this path. Such a path belongs to no resource.
 * @throws {OAuthError} `invalid_request`
 */
export type MatchResource<R> = (path: string, isOwn: (path: string) => boolean) => R | undefined

interface Place<R> {
  readonly resource: R
  readonly path: string
  readonly folded: string
}

/** @param basePath The path of the issuer, or an empty string. */
export function createResourceMatcher<R extends { readonly path: string }>(
  resources: readonly R[],
  basePath: string,
): MatchResource<R> {
  const places = resources
    .map((resource): Place<R> => ({ resource, path: resource.path, folded: foldPath(resource.path) }))
    .sort((a, b) => b.path.length - a.path.length)
  // A resource at the base path owns the rest.
  const inner = places.filter(({ path }) => path !== basePath)
  const root = places.find(({ path }) => path === basePath)
  // Nearly all requests are for the very path of a resource.
  const direct = new Map(inner.map(({ path, resource }) => [path, resource]))

  const isBelow = (path: string, place: string) => path === place || path.startsWith(`${place}/`)

  return (path, isOwn) => {
    const found = direct.get(path)
    if (found) return found
    const folded = foldPath(path)
    const exact = inner.find((place) => isBelow(path, place.path))
    const lenient = inner.find((place) => isBelow(folded, place.folded))
    if (exact !== lenient) {
      throw ambiguousPath(`another spelling of ${lenient?.path}`)
    }
    if (exact) return exact.resource
    if (!root || !isBelow(path, root.path) || isOwn(path)) return undefined
    return root.resource
  }
}
