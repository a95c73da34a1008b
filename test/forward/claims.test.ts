import { expect, test } from 'vitest'
import { claimsOf } from '../../src/forward/request-headers.ts'

/** Every character that a header name may have (RFC 9110 §5.6.2). */
const CHARACTERS = Array.from({ length: 0x7f }, (_, code) => String.fromCharCode(code)).filter((one) =>
  /[!#$%&'*+.^_`|~\w-]/.test(one),
)

test.each(['-who', '0-who', 'x-who', 'zwho'])(
  'no first character of a name hides the identity header %s from the handler',
  (header) => {
    const names = CHARACTERS.flatMap((one) => [
      one + header.slice(1),
      `${one}Who`,
      `${one}-who`,
      one + header,
    ])
    const read = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-')
    for (const name of names) {
      const expected = read(name) === header ? [name.toLowerCase()] : undefined
      expect([name, claimsOf(new Map([[name, 'root']]) as never, [header], true)]).toEqual([name, expected])
    }
  },
)
