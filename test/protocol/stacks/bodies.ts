import fc from 'fast-check'

/** Texts around the names that decide about a message, as an attacker would write them. */
const spelling = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(name) },
    fc.constant(name.toUpperCase()),
    fc.constant(name[0]!.toUpperCase() + name.slice(1)),
    fc.constant(name.replace('s', '\u017f')),
    fc.constant(name.replace('k', '\u212a')),
    fc.constant(name.replace('i', '\u0131')),
    fc.constant(name.replace('i', '\u0130')),
    fc.constant(`${name} `),
    fc.constant(`${name}\u0000`),
    fc.constant(`\ufeff${name}`),
  )

/** Writes a text as JSON, with some characters escaped. */
const quoted = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.nat(5), { minLength: text.length, maxLength: text.length }).map((dice) => {
    const chars = [...text].map((char, index) =>
      dice[index] === 0 || char < ' '
        ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
        : JSON.stringify(char).slice(1, -1),
    )
    return `"${chars.join('')}"`
  })

const key = (name: string): fc.Arbitrary<string> => spelling(name).chain(quoted)

const TOOLS = ['harmless', 'delete_all', 'Delete_All', 'delete_all\u0000', 'harmless\ud800']
const METHODS = ['tools/call', 'tools/list', 'ping', 'Tools/Call', 'tools\u002fcall']

const scalar = fc.oneof(
  fc.constantFrom(
    '1',
    '1e400',
    '-0',
    '12345678901234567890',
    '1.0',
    'null',
    'true',
    'NaN',
    '"x"',
    '[]',
    '{}',
    '01',
    '+1',
    '0x1',
  ),
  fc.constantFrom(...TOOLS).chain(quoted),
)

const member = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(key(name), fc.constantFrom(':', ' : ', ':\n'), value).map((parts) => parts.join(''))

const object = (members: fc.Arbitrary<string>[], most: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.oneof(...members), { minLength: 1, maxLength: most }),
      fc.constantFrom(',', ',', ',', ' ,\n', ',,', ''),
      fc.constantFrom('', '', '', '', ','),
    )
    .map(([list, between, last]) => `{${list.join(between)}${last}}`)

const toolName = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...TOOLS).chain(quoted) }, scalar)
const methodName = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...METHODS).chain(quoted) }, scalar)

const args = object([member('a', scalar), member('name', toolName), member('method', methodName)], 3)

const params = fc.oneof(
  {
    weight: 6,
    arbitrary: object(
      [member('name', toolName), member('name', toolName), member('arguments', args), member('_meta', args)],
      4,
    ),
  },
  scalar,
  args.map((one) => `[${one}]`),
)

/** A message in the usual order, so that most bodies are nearly right. */
const usual = fc
  .tuple(methodName, params, fc.boolean())
  .map(([method, own, first]) =>
    first
      ? `{"jsonrpc":"2.0","id":1,"method":${method},"params":${own}}`
      : `{"params":${own},"method":${method},"id":1,"jsonrpc":"2.0"}`,
  )

const message = fc.oneof(
  { weight: 3, arbitrary: usual },
  object(
    [
      member('jsonrpc', fc.constant('"2.0"')),
      member('id', scalar),
      member('method', methodName),
      member('method', methodName),
      member('params', params),
      member('params', params),
      member('result', args),
    ],
    7,
  ),
)

const text = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 2, arbitrary: fc.array(message, { maxLength: 4 }).map((list) => `[${list.join(',')}]`) },
  message.map((one) => `[[${one}]]`),
  fc.tuple(message, message).map((two) => two.join('\n')),
  fc.tuple(message, fc.constantFrom(' ', '\n', '\u0000', '//', '\u00a0')).map((two) => two.join('')),
)

const encode = (body: string, way: number, cut: number): Uint8Array => {
  switch (way) {
    case 0:
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)])
    case 1:
      return Buffer.from(body, 'utf16le')
    case 2:
      return Buffer.from(body, 'latin1')
    case 3:
      return Buffer.from(body).subarray(0, Math.max(1, Buffer.byteLength(body) - (cut % 8)))
    case 4: {
      const bytes = Buffer.from(body)
      bytes[cut % bytes.length] = 0x80 + (cut % 0x80)
      return bytes
    }
    case 5:
      return Buffer.from(`\ufeff${body}`, 'utf16le').swap16()
    default:
      return Buffer.from(body)
  }
}

/** A body as it is on the wire. */
export const bodies: fc.Arbitrary<Uint8Array> = fc
  .tuple(text, fc.nat(30), fc.nat(1000))
  .map(([body, way, cut]) => encode(body, way, cut))
