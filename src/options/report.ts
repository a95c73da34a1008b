import type { ConfigIssue } from '../errors.ts'

/**
 * Reports an option that is wrong in itself or does not fit another one.
 *
 * @param path Its dotted path, such as `mcp.0.scopes`.
 * @param basis Other options that the finding rests on. It is dropped if one of them is wrong itself.
 */
export type Report = (path: string, message: string, ...basis: readonly string[]) => void

const optionOf = (path: string): string => path.split('.', 1)[0]!

/** Creates a {@link Report} that adds to `issues`, but adds nothing that follows from an issue already there. */
export function createReport(issues: ConfigIssue[]): Report {
  const wrong = new Set(issues.map(({ path }) => optionOf(path)))
  return (path, message, ...basis) => {
    if ([optionOf(path), ...basis].some((option) => wrong.has(option))) return
    issues.push({ path, message })
  }
}

/** Tells whether no value occurs twice. */
export const areUnique = (values: readonly string[]): boolean => new Set(values).size === values.length
