import { OAuthError } from '../errors.ts'
import type { Resource } from '../options/options.ts'
import { covers, type ScopeTable } from '../protocol/scope.ts'

/** Returns the refusal if scopes are missing. */
export function lacksScope(
  granted: readonly string[],
  { scopes }: Resource,
  table: ScopeTable,
  key?: string,
): OAuthError | undefined {
  if (covers(granted, scopes, table)) return undefined
  return new OAuthError('insufficient_scope', 'The access token does not have the scope this needs', {
    reason: key === undefined ? 'token-lacks-scope' : 'key-lacks-scope',
    detail: key,
  })
}
