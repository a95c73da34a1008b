import type { Provider } from '../providers/provider.ts'

/** The meaning of the scopes of OpenID Connect. */
export const OPENID_WORDS: Readonly<Record<string, string>> = {
  openid: 'who you are',
  profile: 'your name',
  email: 'your e-mail address',
  offline_access: 'to stay signed in',
}

type Scopes = Pick<Provider, 'scopeImplies' | 'scopeApi'>

/** Returns the API that a scope belongs to, with its last slash. Scopes of OpenID Connect belong to none. */
function apiOf(scope: string, { base }: NonNullable<Provider['scopeApi']>): string | undefined {
  if (Object.hasOwn(OPENID_WORDS, scope)) return undefined
  const end = scope.lastIndexOf('/')
  return end < 0 ? base : scope.slice(0, end + 1)
}

/**
 * Removes the definition's own scopes of one API if another API is requested: one token serves one API.
 *
 * @param scopes All scopes of the request.
 */
export function withoutForeignApi(scopes: readonly string[], { scopeApi }: Scopes): readonly string[] {
  if (scopeApi === undefined) return scopes
  const others = scopes.some((scope) => !isSame(apiOf(scope, scopeApi) ?? scopeApi.base, scopeApi.base))
  return others ? scopes.filter((scope) => !scopeApi.optional.includes(scope)) : scopes
}

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()

/**
 * Returns `true` if a scope is among those that a token response names. Some providers add the address of their API in
 * front, or name only the wider scope that contains it.
 *
 * @param named The `scope` of the response. Without it, everything was granted.
 * @see [RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function isGranted(provider: Scopes, named: string | undefined, scope: string): boolean {
  if (named === undefined) return true
  const granted = named.split(' ')
  const { scopeImplies = {}, scopeApi } = provider
  if (scopeApi === undefined) {
    return granted.some(
      (one) => one === scope || one.endsWith(`/${scope}`) || scopeImplies[one]?.includes(scope),
    )
  }
  const whole = (one: string) => (one.includes('/') ? one : (apiOf(one, scopeApi) ?? '') + one).toLowerCase()
  const wanted = whole(scope)
  // `.default` stands for every permission of the application at this API; the response names each of them.
  if (wanted.endsWith('/.default')) {
    const api = wanted.slice(0, -'.default'.length)
    return granted.some((one) => whole(one).startsWith(api))
  }
  return granted.some((one) => whole(one) === wanted)
}

/** Returns scopes as an event may show them. Anything that is not a scope is left out. */
export const showScopes = (scopes: readonly string[]): string =>
  scopes
    .filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,120}$/.test(scope))
    .slice(0, 20)
    .join(' ') || 'none'
