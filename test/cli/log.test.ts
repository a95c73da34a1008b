import { PassThrough } from 'node:stream'
import type { ProxyEvent } from 'lockgate'
import { expect, test } from 'vitest'
import { createLog } from '../../adapters/cli/serve/log.ts'

const time = '2026-01-01T00:00:00.000Z'
const events: ProxyEvent[] = [
  {
    type: 'refused',
    time,
    requestId: 'abc',
    reason: 'unknown-token',
    detail: 'two\nlines',
    client: undefined,
  },
  {
    type: 'forwarded',
    time,
    endpoint: '/mcp',
    resource: 'https://mcp.test/mcp',
    status: 200,
    duration: 7,
    action: 'tools/call echo',
  },
  { type: 'grant-ended', time, user: 'u', grant: 'u.g', reason: 'revoked-by-user' },
]

function written(format: 'json' | 'text'): string[] {
  const out = new PassThrough()
  const log = createLog(format, out)
  for (const event of events) log(event)
  return String(out.read()).trimEnd().split('\n')
}

test('people read what changes, a line each, whatever is in it', () => {
  expect(written('text')).toEqual([
    `${time} refused      requestId=abc reason=unknown-token detail="two\\nlines"`,
    `${time} grant-ended  user=u grant=u.g reason=revoked-by-user`,
  ])
})

test('programs read everything', () => {
  expect(written('json').map((line) => JSON.parse(line) as ProxyEvent)).toEqual(
    JSON.parse(JSON.stringify(events)),
  )
})
