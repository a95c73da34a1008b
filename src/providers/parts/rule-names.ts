/** The names with which users can meet one kind of rule of `allow`. */
export type RuleNames =
  | 'none'
  | 'any'
  /** Names of one form. */
  | { readonly form: RegExp; readonly expected: string }
  /** Any, under a condition that the definition cannot see. */
  | { readonly onlyIf: string }

/** The rules of `allow` that users can meet, by their kind. A kind that is absent follows from the identity. */
export interface MeetableRules {
  readonly org?: RuleNames | undefined
  readonly team?: RuleNames | undefined
  readonly group?: RuleNames | undefined
  readonly sub?: RuleNames | undefined
}

/** No groups, organizations or teams. */
export const ADDRESSES_ONLY: MeetableRules = { org: 'none', team: 'none', group: 'none' }

/** One word, without a `/` and without a host. */
export const WORD: RuleNames = { form: /^[^\s/:]+$/, expected: 'a name without `/` or `:`' }
export const DIGITS: RuleNames = { form: /^\d+$/, expected: 'an id of digits' }
export const GUIDS: RuleNames = {
  form: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  expected: 'an id in the form of a GUID',
}
export const DOMAINS: RuleNames = {
  form: /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i,
  expected: 'a domain, such as `example.com`',
}

/** A provider whose administrator can add claims to tokens. */
export const byClaim = (name: 'organizations' | 'teams' | 'groups'): RuleNames => ({
  onlyIf: `you add the claim \`${name}\` to its tokens`,
})

/** Exactly these names, in any case of letters. @param expected The names in words. */
export const exactly = (names: readonly string[], expected: string): RuleNames => ({
  form: new RegExp(
    `^(?:${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`,
    'i',
  ),
  expected,
})

/** Groups by their names count as organizations, and as teams if the name has a slash. */
export const GROUPS_AS_TEAMS: RuleNames = {
  onlyIf: 'a group has this name with its slash; `group:` names a group',
}
