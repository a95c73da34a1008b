import type { Settings } from '../options/options.ts'
import { OFFLINE_ACCESS } from '../protocol/scope.ts'

/** What a scope means, in the words of the operator. */
export const describeScope = (scope: string, { scopes, look }: Settings): string =>
  scope === OFFLINE_ACCESS ? look.texts.consentOffline : (scopes[scope]?.description ?? scope)
