import { StatedError } from '../../src/internal.ts'
import { certificateErrors } from '../certificate-errors.ts'
import { show } from './finding.ts'

/** Causes that are looked at. The outermost error often says least. */
const DEPTH = 6

/** What a code means to an operator, and what to do about it. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no server listens there',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the name server does not respond',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; use http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; use http',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP; it may want https',
  ...certificateErrors,
}

/**
 * Says in a few words why a request got no response: the innermost code, such as `ENOTFOUND`, with its meaning, or the words
 * of the innermost error. A message of this package or of a proxy says more than its code, so it is used as it is.
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
  if (code !== undefined && MEANINGS[code]) return `${code}: ${MEANINGS[code]}`
  return show(code ?? (chain.at(-1)?.message || chain.at(-1)?.name) ?? String(error))
}
