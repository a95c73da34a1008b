import { expect, test } from 'vitest'
import { createStderr } from '../../adapters/cli/wrap/stderr.ts'

const written = (...chunks: string[]): string[] => {
  const lines: string[] = []
  const listen = createStderr((line) => lines.push(line))
  for (const chunk of chunks) listen(Buffer.from(chunk))
  return lines
}

test('each line of a program is marked as its own and escaped', () => {
  expect(written('2026-01-01 forged\n\u001b[2J\u009b\u202e\n', 'in two ', 'pieces\n')).toEqual([
    '  program | 2026-01-01 forged',
    '  program | \\u001b[2J\\u009b\\u202e',
    '  program | in two pieces',
  ])
})

test('a return alone does not overwrite a line', () => {
  expect(written('one\rtwo\n')).toEqual(['  program | one', '  program | two'])
})

test('long lines are cut, and a flood is counted instead of written', () => {
  const [long] = written(`${'x'.repeat(5000)}\n`)
  expect(long!.length).toBeLessThan(2100)
  expect(written('x\n'.repeat(10_000)).length).toBeLessThan(250)
})
