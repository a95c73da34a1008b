import { OAuthError } from '../errors.ts'
import type { HeaderFields } from '../http/head.ts'
import { parseTarget } from '../http/target.ts'
import type { ProxyKind } from '../options/forward-auth.ts'
import { ambiguousPath } from '../refusals.ts'

/** A request that a proxy in front asks about. */
export interface OriginalRequest {
  readonly method: string
  readonly path: string
  readonly search: string
  /** The host that the client named, as the proxy passes it on. */
  readonly host: string
}

/** A question of the proxy, whose own path was accepted. */
interface Question {
  readonly method: string
  /** The rest of the path, below the one where the proxy asks. */
  readonly below: string
  readonly search: string
  readonly headers: HeaderFields
}

const incomplete = (detail: string) =>
  new OAuthError('access_denied', 'The original request is incomplete', {
    reason: 'forward-auth-incomplete',
    detail,
  })

/**
 * Reads the original request as one kind of proxy passes it on. Reads nothing that another kind would set, because a
 * client could send it.
 *
 * @throws {OAuthError} `access_denied` if a part is missing, `invalid_request` for a path with more than one reading.
 * @see [nginx, `auth_request`](https://nginx.org/en/docs/http/ngx_http_auth_request_module.html)
 */
export function originalRequest(proxy: ProxyKind, question: Question): OriginalRequest {
  if (proxy === 'envoy') return { ...fromEnvoy(question), host: required(question.headers, 'host') }
  const { headers } = question
  const [methodName, uriName, hostName] =
    proxy === 'nginx'
      ? ['x-original-method', 'x-original-uri', 'host']
      : ['x-forwarded-method', 'x-forwarded-uri', 'x-forwarded-host']
  // The proxy asks at one fixed address. Below it, a client might have chosen the path.
  if (question.below !== '') throw incomplete('a path below that of forward auth')
  const uri = required(headers, uriName)
  const host = required(headers, hostName)
  // An absolute address names a host of its own.
  if (!uri.startsWith('/')) throw ambiguousPath('an absolute address')
  return { method: required(headers, methodName), host, ...parseTarget(uri, host) }
}

/** Envoy sends the request itself, below a prefix. */
function fromEnvoy({ method, below, search }: Question): Omit<OriginalRequest, 'host'> {
  return { method, path: below === '' ? '/' : below, search }
}

function required(headers: HeaderFields, name: string): string {
  const value = headers.get(name)
  if (value === null || value === '') throw incomplete(name)
  return value
}
