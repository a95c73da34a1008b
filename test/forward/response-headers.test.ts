import { expect, test } from 'vitest'
import { ParsedFields } from '../../adapters/node/head.ts'
import { responseHeaders } from '../../src/forward/response-headers.ts'

const rewrite = { address: (text: string) => `<${text}>`, session: (id: string) => `[${id}]` }

test.each(['mcp-session-id', 'location', 'content-location'])(
  'a repeated %s reaches the client once',
  (name) => {
    const listed = responseHeaders(
      new ParsedFields({ [name]: ['a', 'b'], 'x-other': ['1', '2'] }),
      rewrite,
      null,
    )
    const joined = responseHeaders(
      new Headers([
        [name, 'a'],
        [name, 'b'],
      ]),
      rewrite,
      null,
    )
    expect(listed.filter(([one]) => one === name)).toEqual(joined)
    expect(listed.filter(([one]) => one === 'x-other')).toHaveLength(2)
  },
)

test('a repeated field that may not pass is left out', () => {
  const none = { address: () => undefined, session: () => undefined }
  const source = new ParsedFields({ location: ['a', 'b'], 'mcp-session-id': ['a', 'b'] })
  expect(responseHeaders(source, none, null)).toEqual([])
})
