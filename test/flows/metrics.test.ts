import { jsonLines } from 'lockgate/events/json-lines'
import { prometheus } from 'lockgate/events/prometheus'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  register,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

let system: StartedSystem
afterEach(() => system.close())

const TOKEN = 'a-token-for-those-who-collect-the-figures'
const read = (path = '/metrics', authorization = `Bearer ${TOKEN}`) =>
  system.call(path, { headers: { authorization } })

/** Every series with its value. @throws {Error} For a line that the format does not have. */
function parse(text: string): Map<string, number> {
  expect(text.endsWith('\n')).toBe(true)
  const series = new Map<string, number>()
  const types = new Map<string, string>()
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE ([a-z_]+) (counter|histogram)$/.exec(line)
    if (type) types.set(type[1]!, type[2]!)
    if (type || /^# HELP [a-z_]+ \S.*$/.test(line)) continue
    const sample = /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+(?:\.\d+)?(?:e-\d+)?)$/.exec(
      line,
    )
    if (!sample) throw new Error(`no line of the format: ${line}`)
    expect(
      [...types.keys()].some((name) => sample[1]!.startsWith(name)),
      line,
    ).toBe(true)
    const name = `${sample[1]}{${sample[2]}}`
    expect(series.has(name), `${name} once`).toBe(false)
    series.set(name, Number(sample[3]))
  }
  return series
}

describe('/metrics', () => {
  test('counts the calls of tools, with no more names than there is room for', async () => {
    system = await startSystem({
      metrics: prometheus({ token: TOKEN }),
      mcp: {
        handler: async (request) => {
          const { id, params } = (await request.json()) as { id: number; params: { name: string } }
          const isUnknown = params.name.startsWith('made-up')
          return Response.json({
            jsonrpc: '2.0',
            id,
            // As the SDK's server answers: with an error of the tool.
            ...(isUnknown
              ? params.name.endsWith('1')
                ? { error: { code: 1 } }
                : { result: { isError: true } }
              : { result: {} }),
          })
        },
        audit: true,
      },
    })
    const { tokens } = await connect(system)
    const call = async (name: string) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
      await (await guarded(system, tokens.access_token, { body })).text()
    }
    for (const name of ['echo', 'echo', 'made-up-1', 'made-up-2']) await call(name)
    for (let n = 0; n < 110; n++) await call(`tool-${n}`)
    const series = parse(await (await read()).text())
    expect(series.get('lockgate_calls_total{tool="echo",outcome="ok"}')).toBe(2)
    expect(series.get('lockgate_calls_total{tool="other",outcome="error"}')).toBe(1)
    expect(series.get('lockgate_calls_total{tool="other",outcome="tool-error"}')).toBe(1)
    expect(series.get('lockgate_calls_total{tool="other",outcome="ok"}')).toBe(11)
    expect([...series.keys()].filter((name) => name.startsWith('lockgate_calls_total'))).toHaveLength(103)
  })

  test('counts what happened, and how long the MCP server took', async () => {
    system = await startSystem({ metrics: prometheus({ token: TOKEN }) })
    const { client, tokens } = await connect(system)
    for (let i = 0; i < 3; i++) await guarded(system, tokens.access_token)
    await guarded(system, 'no-token')
    await system.call(authorizeUrl(system, client, { redirect_uri: 'https://other.example/' }))
    const response = await read()
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'no-store'])
    const text = await response.text()
    const series = parse(text)
    const count = (type: string, reason = '') =>
      series.get(`lockgate_events_total{type="${type}",reason="${reason}"}`)
    expect(
      ['registered', 'consented', 'signed-in', 'issued', 'forwarded'].map((type) => count(type)),
    ).toEqual([1, 1, 1, 1, 3])
    expect(count('refused', 'unknown-token')).toBe(1)
    expect(count('refused', 'redirect-uri-not-registered')).toBe(1)
    const forwards = [...series].filter(([name]) =>
      name.startsWith('lockgate_forward_duration_seconds_bucket'),
    )
    const totals = forwards.map(([, value]) => value)
    expect(
      totals.every((value, index) => index === 0 || value >= totals[index - 1]!),
      'cumulative',
    ).toBe(true)
    expect(forwards.at(-1)![0]).toContain('endpoint="/mcp",status="200",le="+Inf"')
    expect([
      totals.at(-1),
      series.get('lockgate_forward_duration_seconds_count{endpoint="/mcp",status="200"}'),
    ]).toEqual([3, 3])
    // Nobody is named: what is counted are kinds.
    for (const event of system.events) {
      for (const id of [event.user, event.client, event.grant, event.requestId])
        expect(text).not.toContain(id ?? TOKEN)
    }
  })

  test.each([
    ['nothing', ''],
    ['another token', 'Bearer another token that nobody ever gave'],
    ['half of it', `Bearer ${TOKEN.slice(0, 20)}`],
    ['another scheme', `Basic ${TOKEN}`],
  ])('shows nothing for %s', async (_name, authorization) => {
    system = await startSystem({ metrics: prometheus({ token: TOKEN }) })
    const response = await read('/metrics', authorization)
    expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
      401,
      'Bearer',
      '',
    ])
  })

  test('is below the path of the issuer, for GET alone', async () => {
    system = await startSystem({
      url: 'http://localhost:8787/base',
      metrics: prometheus({ dangerouslyOpen: true }),
    })
    expect((await system.call('/metrics', {})).status).toBe(200)
    expect((await system.call('/metrics', { method: 'POST' })).status).toBe(405)
  })

  test('does not exist unless it is wanted', async () => {
    system = await startSystem()
    expect(await outcome(await read())).toEqual([404, 'not_found'])
  })

  test('needs to know who may read', () => {
    for (const access of [
      {},
      { token: 'short' },
      { token: 'a token with blanks, which no header has' },
      { token: undefined },
      { dangerouslyOpen: false },
    ]) {
      expect(() => prometheus(access as never)).toThrow(TypeError)
    }
  })

  test('makes few series of the many reasons that only the application knows', () => {
    const metrics = prometheus({ dangerouslyOpen: true })
    for (let index = 0; index < 1000; index++) {
      metrics.event({ type: 'refused', time: '', reason: `of-${index}` as never })
    }
    const series = parse(metrics.expose())
    expect(series.size).toBe(501)
    expect(series.get('lockgate_events_total{type="refused",reason="other"}')).toBe(500)
  })

  test('escapes what stands in a label', () => {
    const metrics = prometheus({ dangerouslyOpen: true })
    metrics.event({
      type: 'forwarded',
      time: '',
      endpoint: '/a"b\\c\nd',
      resource: 'https://mcp.test/mcp',
      status: 200,
      duration: 60_000,
    })
    const exposed = metrics.expose()
    parse(exposed)
    expect(exposed).toContain('endpoint="/a\\"b\\\\c\\nd",status="200",le="30"} 0\n')
    expect(exposed).toContain('endpoint="/a\\"b\\\\c\\nd",status="200",le="+Inf"} 1\n')
  })
})

describe('several listeners', () => {
  test('are told the same, whatever another one throws', async () => {
    const lines: string[] = []
    const seen: string[] = []
    system = await startSystem({
      on: {
        event: [
          () => {
            throw new Error('the disk is full')
          },
          jsonLines((line) => lines.push(line)),
          ({ type }) => seen.push(type),
        ],
      },
    })
    await register(system)
    await guarded(system, 'no-token')
    expect(seen).toEqual(['registered', 'refused'])
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(seen)
    for (const line of lines) expect(line).toMatch(/^\{.*\}$/)
  })

  test('write to standard output where nothing else is said', async () => {
    system = await startSystem()
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const time = '2026-01-01T00:00:00.000Z'
    jsonLines()({ type: 'refused', time, code: undefined, reason: 'unknown-token', detail: 'a\nb' })
    expect(log).toHaveBeenCalledExactlyOnceWith(
      `{"type":"refused","time":"${time}","reason":"unknown-token","detail":"a\\nb"}`,
    )
    log.mockRestore()
  })
})
