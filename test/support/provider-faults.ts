import { providerIssues } from '../../src/providers/parts/unusable.ts'

/** What is wrong with the options of a provider, a line each: what `createProxy` would report below `upstream`. */
export const faultsOf = (provider: object): string =>
  providerIssues(provider)
    .map(({ path, message }) => `${path}: ${message}`)
    .join('\n')
