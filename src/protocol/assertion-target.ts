import { OAuthError } from '../errors.ts'
import { canonicalResource, findResource } from './resource.ts'
import { limitScope, type ScopeTable } from './scope.ts'

interface Identified {
  readonly id: string
}

const invalidTarget = (message: string, detail: string) =>
  new OAuthError('invalid_target', message, { reason: 'assertion-resource', detail })

const NOT_SERVED = 'The requested resource is not served here'

/**
 * Returns the MCP server that an exchange is for. A request that names one must stay within those of the assertion; a
 * request that names none means the one of the assertion, or the first that is possible.
 *
 * @param requested The values of `resource` in the request.
 * @param served All MCP servers.
 * @param allowed Those that the assertion may be for.
 * @param isDefault Returns whether a server is meant by a request that names none of several.
 * @throws {OAuthError} `invalid_target`
 * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)
 */
export function chooseTarget<R extends Identified>(
  requested: readonly string[],
  served: readonly R[],
  allowed: readonly R[],
  isDefault: (one: R) => boolean,
): R {
  if (requested.length > 0) {
    const [found, ...others] = new Set(requested.map((value) => findResource(value, served)))
    if (!found || others.length > 0) throw invalidTarget(NOT_SERVED, 'the request')
    if (!allowed.includes(found)) throw invalidTarget(NOT_SERVED, 'the request is beyond the assertion')
    return found
  }
  const [only, ...others] = allowed
  if (only && others.length === 0) return only
  const usual = allowed.find(isDefault)
  if (usual) return usual
  throw invalidTarget('Name one resource: several are possible', 'no default among several')
}

/** Returns the servers that an assertion names, or `undefined` if it names none of ours. Paths have to be equal. */
export function namedIn<R extends Identified>(named: readonly string[], served: readonly R[]): readonly R[] {
  const ids = named.map((value) => {
    try {
      return canonicalResource(value)
    } catch {
      return undefined
    }
  })
  return served.filter(({ id }) => ids.includes(id))
}

/**
 * Returns the scope of an exchange: the requested one within every limit.
 *
 * @param requested Empty for a request that names none: then `usual` counts.
 * @throws {OAuthError} `invalid_scope` if nothing is left.
 */
export function exchangeScope(
  requested: readonly string[],
  usual: readonly string[],
  limits: readonly (readonly string[] | undefined)[],
  table: ScopeTable,
): string[] {
  const left = limitScope(requested.length > 0 ? requested : usual, limits, table)
  if (left.length > 0) return left
  throw new OAuthError('invalid_scope', 'The assertion gives none of the requested scope', {
    reason: 'assertion-without-scope',
  })
}
