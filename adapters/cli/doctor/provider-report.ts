import type { Finding } from '../../doctor/index.ts'

/** A definition as a report names it. */
export interface DefinitionNote {
  readonly name: string
  readonly confidence: string
  readonly verified: string
  readonly docs: string
}

/** What may be attached to an issue: no secret, no token, nothing about the user or the operator. */
export interface ProviderReport {
  readonly lockgate: string
  readonly date: string
  readonly definition: DefinitionNote | undefined
  /** The names of the options that were set. */
  readonly options: readonly string[]
  readonly findings: readonly Finding[]
}

/** The shortest text that is replaced. Shorter ones would be found within words. */
const SHORTEST = 3

/**
 * Replaces texts that a report may not contain, longest first.
 *
 * @param secrets The texts, each with the words to put in its place.
 */
export function scrub(findings: readonly Finding[], secrets: ReadonlyMap<string, string>): Finding[] {
  const words = new Map(
    [...secrets]
      .filter(([text]) => text.length >= SHORTEST)
      .flatMap(([text, word]) => [text, encodeURIComponent(text)].map((form) => [form, word] as const)),
  )
  const forms = [...words.keys()].sort((a, b) => b.length - a.length)
  // All at once: a short secret may also be a part of the words that replace another.
  const pattern = new RegExp(
    forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|') || '(?!)',
    'g',
  )
  const clean = (text: string | undefined) => text?.replace(pattern, (form) => words.get(form)!)
  return findings.map(({ seen, expected, fix, ...finding }) => ({
    ...finding,
    ...(seen !== undefined && { seen: clean(seen) }),
    ...(expected !== undefined && { expected: clean(expected) }),
    ...(fix !== undefined && { fix: clean(fix) }),
  }))
}

/** The facts of a definition, by the findings that show them. */
const FACTS: Readonly<Record<string, readonly string[]>> = {
  endpoints: ['upstream.discovery', 'provider.endpoints'],
  'client authentication': ['upstream.credentials', 'provider.client-auth'],
  scopes: ['provider.scopes', 'sign-in.scopes'],
  PKCE: ['provider.pkce'],
  'refresh errors': ['provider.refresh-errors'],
  revocation: ['provider.revocation', 'sign-in.revocation'],
  identity: ['sign-in.identity'],
  'refresh tokens': ['sign-in.refresh'],
  rotation: ['sign-in.rotation'],
  'reuse of refresh tokens': ['sign-in.reuse'],
}

/** Returns which facts were confirmed, which the provider contradicted, and which were not shown. */
export function factsOf(findings: readonly Finding[]): string[] {
  const statusOf = (ids: readonly string[]) => {
    const found = findings
      .filter(({ id, unreached }) => ids.includes(id) && !unreached)
      .map(({ status }) => status)
    if (found.some((status) => status === 'fail' || status === 'warn')) return 'contradicted'
    return found.includes('ok') ? 'confirmed' : 'not shown'
  }
  return ['confirmed', 'contradicted', 'not shown'].map((state) => {
    const names = Object.entries(FACTS).flatMap(([name, ids]) => (statusOf(ids) === state ? [name] : []))
    return `${state.padEnd(12)}  ${names.join(', ') || 'none'}`
  })
}
