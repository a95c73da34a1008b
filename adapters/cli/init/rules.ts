import { ALLOW_RULE, unmetRules } from '../../../src/internal.ts'
import type { Provider } from '../../../src/providers/define.ts'

/** The rules of a list that is separated by commas. */
export const rulesOf = (allow: string): string[] =>
  allow
    .split(',')
    .map((rule) => rule.trim())
    .filter(Boolean)

/** Returns what is wrong with the form of rules. */
export function ruleProblem(allow: string): string | undefined {
  const rules = rulesOf(allow)
  const wrong = rules.find((rule) => !ALLOW_RULE.test(rule) || !/[@:]/.test(rule) || /^["'`‘“]/.test(rule))
  return wrong === undefined
    ? undefined
    : `${wrong} is no rule: expected user@example.com, @example.com, org:name, team:org/name, group:name or sub:id`
}

/** Returns a line for each rule that no user of the provider meets, or only under a condition. */
export function unmetOf(allow: string, provider: Provider | undefined): string[] {
  const rules = rulesOf(allow)
  const issues = provider ? unmetRules(rules, [provider]) : []
  return issues.map(({ path, message }) => `${rules[Number(path.split('.')[1])]} ${message}`)
}
