import * as v from 'valibot'
import type { ConfigIssue } from '../errors.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import { scopeName } from './scopes.ts'

/** Whose a key is. */
export interface ApiKeyIdentity {
  /** What the key is for, such as `nightly build`: shown in events and to the MCP server. At most 100 characters. */
  name: string
  /** On whose behalf it acts: keys with the same text are the same user. `name` by default. */
  user?: string | undefined
  /** The scopes it has; all by default. */
  scopes?: readonly string[] | undefined
}

/**
 * Says whose a key is that is not configured; `undefined` where it is nobody's. Its answer is kept for `apiKeyTtl`
 * seconds, whatever else the requests say that carry the key. Compare digests, or look them up: never the key itself.
 */
export type VerifyApiKey = (
  key: string,
  about: { readonly resource: URL },
) => ApiKeyIdentity | undefined | Promise<ApiKeyIdentity | undefined>

/** A key that is good without any sign-in, for a script or a service. */
export interface ApiKeyOptions {
  /** What the key is for, such as `nightly build`: shown in events and to the MCP server. No two keys share one. */
  name: string
  /** SHA-256 of the key as 64 hexadecimal digits; `lockgate key` makes both. The key itself stands nowhere. */
  keyHash: string
  /** On whose behalf it acts: keys with the same text are the same user. `name` by default. */
  user?: string
  /** The scopes it has; all by default. */
  scopes?: readonly string[]
}

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(100))

export const ApiKeySchema: v.GenericSchema<ApiKeyOptions> = v.strictObject({
  name: text,
  keyHash: v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the key, 64 lower-case hexadecimal digits'),
  ),
  user: v.exactOptional(text),
  scopes: v.exactOptional(v.pipe(v.array(scopeName), v.minLength(1))),
})

const Identity = v.object({ name: text, user: v.optional(text), scopes: v.optional(v.array(v.string())) })

/** Whether an answer of {@link VerifyApiKey} is one: it comes from code that nobody has checked. */
export const isApiKeyIdentity = (said: unknown): said is ApiKeyIdentity => v.is(Identity, said)

/** Checks what holds between keys, and between keys and scopes. */
export function checkApiKeys(keys: readonly ApiKeyOptions[], scopes: ScopeTable): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const areUnique = (values: readonly string[]) => new Set(values).size === values.length
  if (!areUnique(keys.map(({ name }) => name))) {
    issues.push({ path: 'apiKeys', message: 'two keys share one name' })
  }
  if (!areUnique(keys.map(({ keyHash }) => keyHash))) {
    issues.push({ path: 'apiKeys', message: 'two keys are the same' })
  }
  for (const [index, key] of keys.entries()) {
    if (key.scopes?.some((scope) => !Object.hasOwn(scopes, scope))) {
      issues.push({ path: `apiKeys.${index}.scopes`, message: 'names a scope that `scopes` does not have' })
    }
  }
  return issues
}
