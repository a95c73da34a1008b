import type { ConfigIssue } from '../../errors.ts'
import type { Provider } from '../provider.ts'

/** The key under which a provider carries the issues of its options. */
const ISSUES = Symbol.for('lockgate.provider.issues')

/**
 * Makes a provider that cannot be used, because its options are wrong. It carries the issues until `createProxy` reports
 * them, so that the other options are checked as well.
 */
export const unusableProvider = (id: string, issues: readonly ConfigIssue[]): Provider =>
  ({ id, name: id, [ISSUES]: issues }) as unknown as Provider

/** Returns the issues of the options that a provider was made from, by the name of the option. */
export const providerIssues = (provider: object): readonly ConfigIssue[] =>
  (provider as { readonly [ISSUES]?: readonly ConfigIssue[] })[ISSUES] ?? []
