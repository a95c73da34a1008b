import { ConfigError, createProxy, type ProxyEvent, type ProxyOptions } from 'lockgate'
import { dev } from 'lockgate/providers/dev'
import { github } from 'lockgate/providers/github'
import { keycloak } from 'lockgate/providers/keycloak'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test, vi } from 'vitest'

const application = { clientId: 'one', clientSecret: 'a secret' }
const staff = keycloak({ ...application, baseUrl: 'https://id.test', realm: 'staff' })

const optionsOf = (options: Partial<ProxyOptions>): ProxyOptions => ({
  url: 'https://mcp.test',
  secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
  storage: memory(),
  upstream: github(application),
  mcp: 'http://127.0.0.1:3000/mcp',
  ...options,
})

/** Creates a proxy, and returns it with what was printed. */
function printed(options: Partial<ProxyOptions>) {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const proxy = createProxy(optionsOf(options))
  return { proxy, lines: warn.mock.calls.flat() as string[] }
}

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.resetModules()
})

describe('a proxy without `allow`', () => {
  const message = 'is missing, and anyone can have an account at GitHub: name who may sign in'

  test('warns in code too where anyone can have an account, and prints it once', () => {
    const { proxy, lines } = printed({})
    expect(proxy.warnings).toEqual([{ path: 'allow', message }])
    expect(lines).toEqual([`Lockgate: allow: ${message}`])
  })

  test.each<[string, Partial<ProxyOptions>]>([
    ['the provider has accounts of one company', { upstream: staff }],
    ['a rule names users', { allow: ['ada@example.com'] }],
    ['a function decides', { allow: () => true }],
  ])('does not warn if %s', (_name, options) => {
    const { proxy, lines } = printed(options)
    expect([proxy.warnings, lines]).toEqual([[], []])
  })

  test('warns if one of several providers is open', () => {
    expect(printed({ upstream: [staff, github(application)] }).proxy.warnings).toEqual([
      { path: 'allow', message },
    ])
  })

  test('prints nothing if a listener is set, and tells by `warnings`', () => {
    const { proxy, lines } = printed({ on: { event: () => {} } })
    expect(lines).toEqual([])
    expect(proxy.warnings).toHaveLength(1)
  })
})

describe('the sign-in for development', () => {
  const local = { url: 'http://localhost:8787', upstream: dev() }

  test.each([
    ['org:acme', 'sends no organizations or teams'],
    ['team:acme/a', 'sends no organizations or teams'],
    ['tenant:1/group:a', 'names no tenants'],
    ['sub:7', 'is an address in lower case'],
    ['sub:Ada@example.com', 'is an address in lower case'],
    ['dev/org:acme', 'sends no organizations or teams'],
  ])('has no user who meets %s', (rule, text) => {
    const [warning, ...others] = printed({ ...local, allow: [rule] }).proxy.warnings
    expect(others).toEqual([])
    expect(warning).toMatchObject({ path: 'allow.0', message: expect.stringMatching(/^matches no user: /) })
    expect(warning!.message).toContain(text)
  })

  test('has users who meet addresses, domains, groups and subjects', () => {
    const allow = ['ada@example.com', '@example.com', 'group:staff', 'sub:ada@example.com']
    expect(printed({ ...local, allow }).proxy.warnings).toEqual([])
  })
})

describe('a proxy of the environment whose address is none', () => {
  test.each(['corp.test:3128', 'socks5://127.0.0.1:1080'])(
    'is a warning that names the variable and not its value: %s',
    async (value) => {
      vi.stubEnv('https_proxy', '')
      vi.stubEnv('HTTPS_PROXY', value)
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      const { createProxy } = await import('../../src/index.ts')
      const { warnings } = createProxy(optionsOf({ upstream: staff }))
      expect(warnings).toEqual([{ path: 'HTTPS_PROXY', message: expect.stringContaining('http://proxy.') }])
      expect(warnings[0]!.message).not.toContain(value)
    },
  )
})

test('a store that says that it cannot be used is refused with the other wrong options', () => {
  const storage = { ...memory(), problem: 'cannot write to /data (EACCES)' }
  const create = () => createProxy(optionsOf({ storage, allow: [] as string[], url: 'http://mcp.test' }))
  expect(create).toThrow(ConfigError)
  expect(create).toThrow(/url: expected an https URL[\s\S]*storage: cannot write to \/data \(EACCES\)/)
})

describe('headers of a proxy in front, without `trustProxy`,', () => {
  /** Registers several clients with these headers from this address. */
  async function eventsOf(
    headers: Record<string, string>,
    peer: string,
    options: Partial<ProxyOptions> = {},
  ): Promise<ProxyEvent[]> {
    const events: ProxyEvent[] = []
    const on = { event: (event: ProxyEvent) => void events.push(event) }
    const proxy = createProxy(optionsOf({ upstream: staff, on, ...options }))
    for (let count = 0; count < 3; count++) {
      const body = JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'] })
      const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }
      const response = await proxy.fetch(new Request('https://mcp.test/register', init), { ip: peer })
      expect(response.status).toBe(201)
    }
    return events.filter(({ type }) => type === 'failed')
  }

  test.each([
    ['x-forwarded-for', '203.0.113.9', '127.0.0.1'],
    ['x-forwarded-for', '203.0.113.9', '::ffff:10.0.0.7'],
    ['x-forwarded-proto', 'https', '172.18.0.1'],
    ['x-forwarded-host', 'mcp.test', 'fd00::1'],
  ])('are told once: %s: %s from %s', async (name, value, peer) => {
    expect(await eventsOf({ [name]: value }, peer)).toEqual([
      expect.objectContaining({ reason: 'proxy-not-trusted' }),
    ])
  })

  test.each<[string, Record<string, string>, string, Partial<ProxyOptions>]>([
    ['there are none', {}, '127.0.0.1', {}],
    ['a client on the internet sent them', { 'x-forwarded-for': '203.0.113.9' }, '198.51.100.7', {}],
    ['trustProxy counts the proxy', { 'x-forwarded-for': '203.0.113.9' }, '127.0.0.1', { trustProxy: 1 }],
    [
      'a function tells the address',
      { 'x-forwarded-for': '203.0.113.9' },
      '127.0.0.1',
      { clientAddress: () => '127.0.0.1' },
    ],
  ])('are not told if %s', async (_name, headers, peer, options) => {
    expect(await eventsOf(headers, peer, options)).toEqual([])
  })
})

describe('a method in rules', () => {
  const warningsFor = (name: string) =>
    printed({
      allow: ['ada@example.com'],
      mcp: [
        { path: '/one', url: 'http://127.0.0.1:3000/mcp', methods: { [name]: 'deny' } },
        { path: '/two', url: 'http://127.0.0.1:3001/mcp', public: { methods: [name] } },
      ],
    }).proxy.warnings

  test.each([
    ['tool/call', 'tools/call'],
    ['Tools/Call', 'tools/call'],
    ['resource/reads', 'resources/read'],
    ['notification/cancelled', 'notifications/cancelled'],
  ])('that is close to one of MCP is named with it: %s', (name, meant) => {
    const message = `names \`${name}\`, which is no method of MCP; did you mean \`${meant}\`?`
    expect(warningsFor(name)).toEqual([
      { path: 'mcp.0.methods', message },
      { path: 'mcp.1.public.methods', message },
    ])
  })

  test.each(['tools/call', 'tasks/*', '*', 'acme/search', 'resources/write'])(
    'may be of MCP, a pattern, or the server’s own: %s',
    (name) => {
      expect(warningsFor(name)).toEqual([])
    },
  )
})
