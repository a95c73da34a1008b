import { StatedError } from '../../src/internal.ts'
import { show } from './finding.ts'

/** Causes that are looked at. The outermost error often says least. */
const DEPTH = 6

/**
 * Says in a few words why a request got no response: the innermost code, such as `ENOTFOUND`, or the words of the innermost
 * error. A message of this package or of a proxy says more than its code, so it is used as it is.
 */
export function whyNot(error: unknown): string {
  const chain: Error[] = []
  for (let one = error; one instanceof Error && chain.length < DEPTH; one = one.cause) chain.push(one)
  const said = chain.find((one) => one instanceof StatedError || /^Proxy response/.test(one.message))
  if (said) return show(said.message)
  const blocked = chain.find(({ message }) => message === 'bad port')
  if (blocked) return 'a port that browsers and `fetch` refuse: choose another one'
  if (chain.some(({ name }) => name === 'TimeoutError')) return 'no answer in time'
  const code = chain
    .map((one) => (one as NodeJS.ErrnoException).code)
    .findLast((one) => typeof one === 'string')
  return show(code ?? (chain.at(-1)?.message || chain.at(-1)?.name) ?? String(error))
}
