import type { Input } from './inputs.ts'
import { textAt } from './pointer.ts'

/**
 * The consequence of a refused refresh.
 *
 * - `final`: the user has to sign in again. The grant ends.
 * - `transient`: the same request may succeed later. The grant lives.
 * - `configuration`: the provider refuses the application, not the user. The grant lives; the operator has to act.
 */
export type RefreshMeaning = 'final' | 'transient' | 'configuration'

/** One rule about refused refreshes. It matches if each member that is given matches. */
export interface RefreshErrorRule {
  /** The error code, or several. Compared without regard to case. */
  readonly error?: string | readonly string[] | undefined
  /** The HTTP status, or several. */
  readonly status?: number | readonly number[] | undefined
  /** Matches the description, or the text of a response that is not JSON. Never copied into an event. */
  readonly description?: RegExp | undefined
  /** Matches other members of the response, by their path. Texts, numbers and booleans are compared as text. */
  readonly body?: Readonly<Record<string, RegExp>> | undefined
  readonly means: RefreshMeaning
  /** Seconds after which one more attempt within the same request makes sense. Only for `transient`. */
  readonly again?: number | undefined
}

/** A refusal of the token endpoint, as rules see it. */
export interface RefusedRefresh {
  readonly status: number
  readonly error: string | undefined
  readonly description: string | undefined
  readonly body: unknown
}

/**
 * Rules for every provider, after its own ones.
 *
 * @see [OpenID Connect Core §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError)
 * @see [Unmet Authentication Requirements](https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html)
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
const COMMON: readonly RefreshErrorRule[] = [
  {
    error: [
      'interaction_required',
      'login_required',
      'consent_required',
      'account_selection_required',
      'unmet_authentication_requirements',
    ],
    means: 'final',
  },
  { error: 'invalid_grant', means: 'final' },
  { error: ['temporarily_unavailable', 'server_error', 'slow_down'], means: 'transient' },
  { error: ['invalid_client', 'unauthorized_client', 'unsupported_grant_type'], means: 'configuration' },
]

const isOneOf = <T>(value: T | undefined, wanted: T | readonly T[] | undefined): boolean =>
  wanted === undefined || (value !== undefined && [wanted].flat().includes(value))

function matches(rule: RefreshErrorRule, { status, error, description, body }: RefusedRefresh): boolean {
  const names = rule.error === undefined ? undefined : [rule.error].flat().map((name) => name.toLowerCase())
  return (
    isOneOf(error?.toLowerCase(), names) &&
    isOneOf(status, rule.status) &&
    (rule.description?.test(description ?? '') ?? true) &&
    Object.entries(rule.body ?? {}).every(([path, pattern]) => pattern.test(wordAt(body, path) ?? ''))
  )
}

/** Returns a text, number or boolean as text. */
function wordAt(body: unknown, path: string): string | undefined {
  return textAt(body, path, { booleans: true })
}

/** Returns the first rule that matches: the provider's own rules come before the common ones. */
export const ruleFor = (
  own: readonly RefreshErrorRule[],
  refused: RefusedRefresh,
): RefreshErrorRule | undefined => [...own, ...COMMON].find((rule) => matches(rule, refused))

const MEANINGS: readonly unknown[] = ['final', 'transient', 'configuration'] satisfies RefreshMeaning[]

/** The option of definitions that cannot know their provider: `oauth2` and `oidc`. */
export const refreshErrors: Input<
  readonly RefreshErrorRule[],
  readonly RefreshErrorRule[] | undefined,
  false
> = {
  required: false,
  expected: 'a list of rules',
  inCodeOnly: true,
  read(value) {
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw new TypeError('expected a list of rules')
    for (const [index, rule] of value.entries()) {
      const problem = problemOf(rule)
      if (problem !== undefined)
        throw new TypeError(`expected valid rules, but in number ${index}: ${problem}`)
    }
    return value
  },
}

/** Returns the problem with a rule that an operator wrote, or `undefined`. */
function problemOf(rule: unknown): string | undefined {
  if (typeof rule !== 'object' || rule === null) return 'it is not an object'
  const { error, status, description, body, means, again, ...others } = rule as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) return `\`${unknown}\` is not a member of a rule`
  const all = (value: unknown, type: string) => [value].flat().every((one) => typeof one === type)
  if (!MEANINGS.includes(means)) return '`means` is not `final`, `transient` or `configuration`'
  if (error !== undefined && !all(error, 'string')) return '`error` is not a text or a list of texts'
  if (status !== undefined && !all(status, 'number')) return '`status` is not a number or a list of numbers'
  if (description !== undefined && !isPattern(description))
    return '`description` is not a RegExp without the flags g and y'
  if (body !== undefined && !(typeof body === 'object' && Object.values(body ?? {}).every(isPattern)))
    return '`body` is not an object of RegExps without the flags g and y'
  if (again !== undefined && typeof again !== 'number') return '`again` is not a number of seconds'
  if ([error, status, description, body].every((one) => one === undefined))
    return 'without `error`, `status`, `description` or `body` it matches everything'
  return undefined
}

/** Stateful patterns are refused: their result would depend on the call before. */
const isPattern = (value: unknown): boolean => value instanceof RegExp && !value.global && !value.sticky
