import { answerAttacks } from './checks/answers.ts'
import { approvalAttacks } from './checks/approvals.ts'
import { assertionAttacks } from './checks/assertions.ts'
import { browserAttacks } from './checks/browser.ts'
import { clientAttacks } from './checks/clients.ts'
import { edgeAttacks } from './checks/edges.ts'
import { identityAttacks } from './checks/identities.ts'
import { inputAttacks } from './checks/inputs.ts'
import { lifetimeAttacks } from './checks/lifetimes.ts'
import { redirectAttacks } from './checks/redirects.ts'
import { tokenAttacks } from './checks/tokens.ts'
import type { Attack } from './target.ts'

/** The last number of the threat table in SECURITY.md. */
export const LAST = 70

/** Threats that no test from outside can see, and what holds them instead. */
export const UNSEEN: Readonly<Record<string, string>> = {
  T53: 'what one token adds to the memory is measured from inside: test/floods/token-spellings.test.ts',
  T63: 'the network has no name server that stays silent: test/outbound/silent-names.test.ts brings one',
  T41: 'a difference of nanoseconds drowns in the network: test/crypto/compare.test.ts holds the comparison to one way',
}

/** Every attack with the number of its threat, in that order. */
export const attacks: readonly (readonly [threat: string, name: string, run: Attack])[] = [
  answerAttacks,
  approvalAttacks,
  assertionAttacks,
  browserAttacks,
  clientAttacks,
  edgeAttacks,
  identityAttacks,
  inputAttacks,
  lifetimeAttacks,
  redirectAttacks,
  tokenAttacks,
]
  .flatMap((group) => Object.entries(group))
  .map(([name, run]) => [name.split(' ', 1)[0]!, name, run] as const)
  .sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)))
