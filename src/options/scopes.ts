import * as v from 'valibot'
import { giversOf, isFree, OFFLINE_ACCESS, type ScopeTable } from '../protocol/scope.ts'
import { resolveImplied } from '../protocol/scope-hierarchy.ts'
import { missingName } from '../validation/closest.ts'
import {
  byKind,
  type Entries,
  flag,
  isTable,
  listOf,
  shape,
  text,
  type WithDefaults,
  withoutGaps,
} from '../validation/shape.ts'
import type { Report } from './report.ts'

/** Options about scopes. */
export interface ScopesOptions {
  /**
   * The scopes that clients may request, each with a description for users, or with `{ description, upstream }`. The
   * provider's scopes in `upstream` are requested only if the user approves this scope. The scope is granted only if
   * the provider grants all of them. `default: true` marks the scopes of a client that requests none. If no scope is
   * marked, such a client gets every scope that implies no other and needs no scope of the provider.
   *
   * @default { mcp: 'Use the tools of this server' }
   */
  scopes?: Readonly<Record<string, string | ScopeOptions | undefined>> | undefined
}

/** One scope with the scopes it needs at the provider. */
export interface ScopeOptions {
  /** The description for users. */
  description: string
  /**
   * The scopes it needs at the provider. With several providers, by the provider's id: `{ github: ['repo'] }`. A provider
   * that is not named cannot give this scope; one with an empty list gives it without scopes of its own.
   */
  upstream?: readonly string[] | Readonly<Record<string, readonly string[]>> | undefined
  /**
   * Grants it to a client that requests no scope.
   *
   * @default false
   */
  default?: boolean | undefined
  /**
   * The narrower scopes that it satisfies, also through each other: a token with `admin` may do what needs `read`. It is
   * granted only if the provider gives what they need.
   */
  implies?: readonly string[] | undefined
}

const DEFAULTS = { scopes: { mcp: 'Use the tools of this server' } } as const

export type ScopesParsed = WithDefaults<ScopesOptions, typeof DEFAULTS>

export const scopeName: v.GenericSchema<string> = v.pipe(
  v.string(),
  v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'expected a scope: no spaces, quotes or backslashes'),
)

const upstreamNeeds = v.union(
  [listOf(scopeName), v.record(v.string(), listOf(scopeName))],
  'expected a list of scopes, or lists by the id of the provider',
)

const meaning = byKind<string | ScopeOptions>(
  {
    text,
    object: shape({
      description: text,
      upstream: v.optional(upstreamNeeds),
      default: v.optional(flag),
      implies: v.optional(listOf(scopeName)),
    }),
  },
  'expected a description, or { description, upstream, default, implies }',
)

export const scopesEntries: Entries<ScopesOptions, ScopesParsed> = {
  scopes: v.optional(
    v.pipe(
      v.custom<Record<string, unknown>>(isTable, "expected an object such as { read: 'Read your notes' }"),
      v.transform(withoutGaps),
      v.record(scopeName, meaning),
    ) as v.GenericSchema<NonNullable<ScopesOptions['scopes']>>,
    DEFAULTS.scopes,
  ),
}

export interface ScopesSettings {
  readonly scopes: ScopeTable
}

export function settleScopes(options: ScopesParsed, report: Report): ScopesSettings {
  const named = Object.fromEntries(
    Object.entries(options.scopes).map(([name, meaning = '']) => [
      name,
      typeof meaning === 'string'
        ? { description: meaning, upstream: [] }
        : {
            description: meaning.description,
            upstream: meaning.upstream ?? [],
            ...(meaning.default && { default: true }),
            ...(meaning.implies && { implies: meaning.implies }),
          },
    ]),
  )
  const { table: scopes, unknown, circle } = resolveImplied(named)
  if (unknown !== undefined) {
    checkScopes(`scopes.${unknown}.implies`, named[unknown]?.implies, scopes, report)
  }
  if (circle !== undefined) {
    report(`scopes.${circle}.implies`, 'leads back to the same scope: remove one of the links')
  }
  if (Object.hasOwn(scopes, OFFLINE_ACCESS)) {
    report(`scopes.${OFFLINE_ACCESS}`, 'is built in: clients that refresh may always request it')
  }
  if (Object.keys(scopes).length === 0) report('scopes', 'expected at least one scope')
  return { scopes }
}

/**
 * Reports scopes whose needs do not say to which provider they belong, or name one that there is not.
 *
 * @param providers The ids of the identity providers; `undefined` if a function chooses them.
 */
export function checkGivers(
  scopes: ScopeTable,
  providers: readonly string[] | undefined,
  report: Report,
): void {
  if (providers === undefined) return
  for (const [name, meaning] of Object.entries(scopes)) {
    const path = `scopes.${name}.upstream`
    const givers = giversOf(meaning)
    const unknown = givers?.find((id) => !providers.includes(id))
    if (unknown !== undefined) report(path, missingName(unknown, 'upstream', providers), 'upstream')
    if (!givers && !isFree(meaning) && providers.length > 1) {
      const [first = 'github'] = providers
      report(path, `is a list, but there are several providers: write { ${first}: [ … ] }`, 'upstream')
    }
  }
}

/** Reports a list of scopes that names one which `scopes` does not define. */
export function checkScopes(
  path: string,
  named: readonly string[] | undefined,
  scopes: ScopeTable,
  report: Report,
): void {
  const unknown = named?.find((scope) => !Object.hasOwn(scopes, scope))
  if (unknown !== undefined) report(path, missingName(unknown, 'scopes', Object.keys(scopes)), 'scopes')
}
