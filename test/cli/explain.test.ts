import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { REASONS_OF_EVENT } from '../../adapters/cli/explain/event-types.ts'
import { REUSE } from '../../src/connections/report-end.ts'
import { reasons } from '../../src/reasons/reasons.ts'
import { runCommand } from '../support/command.ts'

const explain = (...args: string[]) => runCommand(tmpdir(), ['explain', ...args])

test('explain prints the meaning and the remedy of a code', async () => {
  const { code, out } = await explain('not-in-allow')
  expect(code).toBe(0)
  for (const text of ['not-in-allow', ...reasons['not-in-allow']]) expect(out).toContain(text)
})

test('explain without a code lists all of them', async () => {
  const { code, out } = await explain()
  expect(code).toBe(0)
  for (const name of Object.keys(reasons)) expect(out).toContain(`${name} `)
})

test.each([
  ['not-in-alow', 'did you mean not-in-allow?'],
  ['NOT_IN_ALLOW', 'did you mean not-in-allow?'],
  ['xyzzy-plugh', 'There is no reason code xyzzy-plugh.'],
])('%s ends with 2 and a hint', async (name, hint) => {
  const { code, out, err } = await explain(name)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(hint)
})

test('explain of a type of event names the reasons that it can have', async () => {
  const { code, out } = await explain('reuse-detected')
  expect(code).toBe(0)
  expect(out).toContain('reuse-detected is a type of event, not a reason code')
  for (const name of REUSE) expect(out).toMatch(new RegExp(`${name} +${reasons[name][0]}`))
  for (const [type, codes] of Object.entries(REASONS_OF_EVENT)) {
    expect(Object.keys(reasons), `${type} is no reason`).not.toContain(type)
    if (codes !== 'any')
      expect(
        codes.filter((one) => !(one in reasons)),
        type,
      ).toEqual([])
  }
})

test.each(['failed', 'refused'])(
  'explain %s prints every reason that such an event may have',
  async (type) => {
    const { code, out } = await explain(type)
    expect(code).toBe(0)
    for (const [name, [meaning]] of Object.entries(reasons)) {
      expect(out.split('\n').some((line) => line.trim().startsWith(name) && line.endsWith(meaning))).toBe(
        true,
      )
    }
  },
)

test('explain of a type of event without reasons says so', async () => {
  expect((await explain('issued')).out).toContain('It has no reason')
})
