import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { runCommand } from '../support/command.ts'

const run = (...args: string[]) => runCommand(tmpdir(), args)

describe('a command line nobody understands ends with 2 and a hint', () => {
  test.each<[string, string[]]>([
    ['A command is missing', []],
    ['There is no command sevre: did you mean serve?', ['sevre']],
    ['There is no flag --cofnig: did you mean --config?', ['serve', '--cofnig', 'x']],
    ['There is no flag --dangerously-allow-all.', ['serve', '--dangerously-allow-all']],
    ['--config needs a value', ['serve', '--config']],
    ['--config needs a value', ['serve', '--config', '--log=json']],
    ['--dangerously-allow-everyone takes no value', ['serve', '--dangerously-allow-everyone=no']],
    ['here is one word too many', ['serve', 'here']],
    ['--log: expected text or json', ['serve', '--log', 'xml']],
    ['See lockgate secret --help', ['secret', '--lenght', '3']],
  ])('%s', async (hint, args) => {
    const { code, out, err } = await run(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(hint)
    expect(err).not.toContain('    at ')
  })
})

test.each<[string[], string[]]>([
  [['--help'], ['serve', 'secret']],
  [
    ['serve', '--help'],
    ['--config', '--log', '--dangerously-allow-everyone'],
  ],
  [['secret', '-h'], ['256 bits']],
])('%j explains itself', async (args, texts) => {
  const { code, out, err } = await run(...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const text of texts) expect(out).toContain(text)
})

test('key prints a key and the hash that `apiKeys` wants, another one each time', async () => {
  const [one, two] = [await run('key'), await run('key')]
  expect(one.code).toBe(0)
  expect(one.out).not.toBe(two.out)
  const [, key, keyHash] = /^key {6}(\S{32,})\nkeyHash {2}([0-9a-f]{64})\n$/.exec(one.out)!
  expect(keyHash).toBe(createHash('sha256').update(key!).digest('hex'))
})
