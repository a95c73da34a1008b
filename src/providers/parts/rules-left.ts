import type { ProviderParts } from './provider-parts.ts'

/** Returns the rules that users can meet, as far as the operator left the identity of the definition as it is. */
export function rulesLeft(
  rules: ProviderParts['rules'],
  overrides: ProviderParts = {},
  hasGroupsClaim = false,
): ProviderParts['rules'] {
  const { identity, identify, memberships, groups } = overrides
  const isOther = [identity, identify, memberships, groups].some((part) => part !== undefined)
  if (isOther) return overrides.rules
  return hasGroupsClaim && rules ? { ...rules, group: 'any' } : rules
}
