import { asObject } from './members.ts'

/** The longest challenge, in characters. It travels in a URL. */
const LONGEST = 2000

/**
 * Returns the challenge in a provider's error response, if it is a JSON object. Microsoft Entra sends it for Conditional
 * Access.
 *
 * @see [OpenID Connect Core §5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter)
 */
export function challengeIn(body: unknown): string | undefined {
  const claims = asObject(body)?.claims
  return typeof claims === 'string' && claims.length <= LONGEST && read(claims) ? claims : undefined
}

/** Returns the value of `claims` for a sign-in: what the operator always requests, and the challenge. */
export function withChallenge(usual: string | undefined, challenge: string): string {
  const [wanted, demanded] = [read(usual ?? ''), read(challenge)]
  if (!wanted || !demanded) return challenge
  const sections = Object.keys({ ...wanted, ...demanded })
  const merged = sections.map((name) => [name, { ...asObject(wanted[name]), ...asObject(demanded[name]) }])
  return JSON.stringify(Object.fromEntries(merged))
}

function read(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}
