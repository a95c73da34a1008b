import { PassThrough } from 'node:stream'
import type { ProxyEvent } from 'lockgate'
import { expect, test } from 'vitest'
import { createLog, toLine } from '../../adapters/cli/serve/log.ts'

const time = '2026-01-01T00:00:00.000Z'
const ids = { requestId: 'request1', client: 'client1', user: 'user1', grant: 'user1.grant1' }
const events: ProxyEvent[] = [
  { type: 'refused', time, ...ids, reason: 'not-in-allow', detail: 'two\nlines', endpoint: '/callback' },
  {
    type: 'forwarded',
    time,
    ...ids,
    clientName: 'Claude Code',
    endpoint: '/mcp',
    resource: 'http://localhost/mcp',
    status: 200,
    duration: 7.4,
    action: 'tools/call echo',
  },
  { type: 'grant-ended', time, user: 'user1', grant: 'user1.grant1', reason: 'revoked-by-operator' },
]

function written(format: 'json' | 'text', all: readonly ProxyEvent[] = events): string[] {
  const out = new PassThrough()
  const log = createLog(format, out)
  for (const event of all) log(event)
  return String(out.read()).trimEnd().split('\n')
}

test('people read the time, what happened, the client, the path, the status and the duration, without ids', () => {
  const lines = written('text')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(
    /^2026-01-01 00:00:00 {2}refused {8}\/callback {2}not-in-allow {2}\(two\\nlines\) {2}— \S.*\.$/,
  )
  expect(lines[1]).toBe('2026-01-01 00:00:00  forwarded      Claude Code  /mcp  tools/call echo  200  7 ms')
  for (const id of Object.values(ids)) expect(lines.join()).not.toMatch(new RegExp(`\\b${id}\\b`))
})

test('a terminal gets colours, and nothing else does', () => {
  expect(toLine(events[0]!, true)).toContain('\u001b[33m')
  expect(written('text').join()).not.toContain('\u001b')
})

test('programs read everything', () => {
  expect(written('json').map((line) => JSON.parse(line) as ProxyEvent)).toEqual(
    JSON.parse(JSON.stringify(events)),
  )
})

const HOSTILE = [
  '\u001b[2J',
  '\u009b2J',
  '\u007f',
  '\u202e',
  '\u2066',
  '\u2028',
  '\u2029',
  '\r',
  '\u0000',
  '\u200f',
  '\u061c',
  '\ufeff',
]

test.each(['text', 'json'] as const)(
  'nothing that others wrote moves a cursor or ends a line (%s)',
  (format) => {
    for (const bad of HOSTILE) {
      const text = `a${bad}b`
      const event: ProxyEvent = {
        type: 'failed',
        reason: 'unexpected',
        time,
        clientName: text,
        detail: text,
        error: text,
        endpoint: text,
      }
      const lines = written(format, [event])
      expect(lines).toHaveLength(1)
      for (const character of bad.replace(/[\x20-\x7e]/g, '')) expect(lines[0]).not.toContain(character)
      if (format === 'json') expect((JSON.parse(lines[0]!) as ProxyEvent).detail).toBe(text)
    }
  },
)
