import { closest, StatedError } from '../../src/internal.ts'

/**
 * Refuses a parameter that is most likely misspelt: the driver would ignore it, and with it what the operator wanted.
 *
 * @throws {StatedError} That names the parameter and the one that was meant.
 */
export function checkParameters(url: URL, known: readonly string[]): void {
  for (const name of url.searchParams.keys()) {
    if (known.includes(name)) continue
    const meant = closest(name, known, name.length < 5 ? 1 : 2)
    if (meant === undefined) continue
    throw new StatedError(
      `the URL has a parameter \`${name}\`, which is not known; did you mean \`${meant}\`?`,
    )
  }
}
