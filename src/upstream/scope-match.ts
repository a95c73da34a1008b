import type { Provider } from '../providers/provider.ts'

/** The meaning of the scopes of OpenID Connect. */
export const OPENID_WORDS: Readonly<Record<string, string>> = {
  openid: 'who you are',
  profile: 'your name',
  email: 'your e-mail address',
  offline_access: 'to stay signed in',
}

/**
 * Tells whether a token response grants a scope. Some providers put the address of their API before it, or name only the
 * wider scope that contains it.
 *
 * @param named The `scope` of the response. Without it, everything was granted.
 * @see [RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function isGranted(
  { scopeImplies = {} }: Provider,
  named: string | undefined,
  scope: string,
): boolean {
  if (named === undefined) return true
  return named
    .split(' ')
    .some((one) => one === scope || one.endsWith(`/${scope}`) || scopeImplies[one]?.includes(scope))
}
