import type { Provider } from '../providers/provider.ts'

/** What the scopes of OpenID Connect mean. */
export const OPENID_WORDS: Readonly<Record<string, string>> = {
  openid: 'who you are',
  profile: 'your name',
  email: 'your e-mail address',
  offline_access: 'to stay signed in',
}

/**
 * Whether a scope is among those a token answer names. Some providers name it with the address of their API in front, or
 * only the wider one that holds it.
 *
 * @param named The answer's `scope`; where it is absent, everything was granted.
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
