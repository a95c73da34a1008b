import type { Settings } from '../options/options.ts'
import { OFFLINE_ACCESS } from '../protocol/scope.ts'

/** Returns the operator’s description of a scope. */
export const describeScope = (scope: string, { scopes, look }: Settings): string =>
  scope === OFFLINE_ACCESS ? look.texts.consentOffline : (scopes[scope]?.description ?? scope)
