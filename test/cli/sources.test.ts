import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Reading, readSettings } from '../../adapters/cli/configuration/settings.ts'
import { startReport } from '../../adapters/cli/serve/report.ts'
import { createProxy } from '../../src/index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-sources-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const BASE = {
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
  LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
  LOCKGATE_STORAGE: 'memory:',
}
const MCP = 'http://127.0.0.1:3000/mcp'
const ELSEWHERE = 'http://127.0.0.1:4000/other'
const scopes = { read: 'Read', write: 'Write' }

type Env = Record<string, string | undefined>

const read = (env: Env, how: Reading = {}) =>
  readSettings({ ...BASE, ...env } as NodeJS.ProcessEnv, folder, { dangers: true, ...how })

const problems = async (env: Env, how?: Reading) => {
  const error = await read(env, how).then(
    () => undefined,
    (reason: Error) => reason,
  )
  expect(error, 'the settings were accepted').toBeDefined()
  return error!.message.split('\n')
}

const config = (options: object) =>
  writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ scopes, ...options }))

const code = (text: string) => writeFile(join(folder, 'lockgate.config.mjs'), `export default ${text}`)

const handler = () => new Response()
const wrap = { handler }

/** Every member of an entry that JSON can express and that both kinds of servers have. */
const RULES: Readonly<Record<string, unknown>> = {
  name: 'Tools',
  scopes: ['write'],
  tools: { debug: 'deny', '*': 'read' },
  prompts: { '*': 'read' },
  resources: { 'file:///etc/*': 'deny' },
  methods: { '*': 'deny' },
  onDenied: 'unknown',
  list: 'granted',
  public: { tools: ['search'], upgrade: 'refuse' },
  audit: true,
  maxBody: 2048,
  sessions: 'bound',
  accessToken: { format: 'jwt' },
}

describe('wrap puts its program into the entry of the config file, and no member of it is lost', () => {
  test.each<[string, unknown, unknown]>([
    ['an object', RULES, { ...RULES, handler }],
    ['a list of one', [RULES], [{ ...RULES, handler }]],
    ['no entry', undefined, { handler }],
    ['an entry with a path', { ...RULES, path: '/tools' }, { ...RULES, path: '/tools', handler }],
  ])('%s', async (_, mcp, expected) => {
    await config({ mcp })
    expect((await read({}, wrap)).options.mcp).toEqual(expected)
  })

  test.each(Object.keys(RULES))('the member %s alone', async (name) => {
    const mcp = { [name]: RULES[name] }
    await config({ mcp })
    expect((await read({}, wrap)).options.mcp).toEqual({ ...mcp, handler })
  })

  test('a flag for the path wins over the path of the file, and the file over the default', async () => {
    await config({ mcp: { path: '/tools' } })
    const pathOf = async (how: Reading) =>
      createProxy({ ...(await read({}, { ...wrap, ...how })).options, on: { event() {} } }).resources[0]!.id
    expect(await pathOf({})).toMatch(/\/tools$/)
    expect(await pathOf({ flags: { LOCKGATE_MCP_PATH: '/flag' } })).toMatch(/\/flag$/)
    await config({ mcp: {} })
    expect(await pathOf({})).toMatch(/\/mcp$/)
  })

  test('the address of the environment does not count, because a program has none', async () => {
    await config({ mcp: RULES })
    expect((await read({ LOCKGATE_MCP: MCP }, wrap)).options.mcp).toEqual({ ...RULES, handler })
  })

  test('grants and other commands without a server accept such a file, and serve asks for an address', async () => {
    await config({ mcp: RULES })
    expect((await read({}, { withoutServer: true })).options.mcp).toMatchObject(RULES)
    expect(await problems({})).toEqual([
      'LOCKGATE_MCP: is missing; give the URL of the MCP server to protect here or with --mcp',
    ])
  })
})

describe('wrap refuses an entry that it could not keep', () => {
  const elsewhere =
    'is another server than the program that wrap serves: remove it and keep the other options, or run serve'
  const nothing = 'is not for the program of wrap, which gets nothing about the user: remove it'
  test.each<[string, unknown, string[]]>([
    ['a misspelled member', { toolz: {} }, ['mcp.toolz: is not an option; did you mean `tools`?']],
    [
      'a misspelled member in a list',
      [{ toolz: {} }],
      ['mcp.0.toolz: is not an option; did you mean `tools`?'],
    ],
    [
      'a rule that is none',
      { tools: { debug: 7 } },
      ['mcp.tools.debug: expected a scope, a list of scopes, or `deny`'],
    ],
    ['an address', MCP, [`mcp: ${elsewhere}`]],
    ['an entry with an address', { ...RULES, url: MCP }, [`mcp.url: ${elsewhere}`]],
    [
      'an external server',
      { external: true, resource: 'https://tools.example.com' },
      [`mcp.external: ${elsewhere}`, `mcp.resource: ${elsewhere}`],
    ],
    [
      'what only an address can have',
      [{ forward: 'nothing', identity: {}, upstreamToken: {} }],
      [`mcp.forward: ${nothing}`, `mcp.identity: ${nothing}`, `mcp.upstreamToken: ${nothing}`],
    ],
    [
      'several entries',
      [RULES, { path: '/b' }],
      [
        'mcp: has several servers, but wrap serves one program: keep the entry whose options are for the program, or name another file with --config',
      ],
    ],
    ['an empty list', [], ['mcp: expected at least 1 entry']],
    [
      'no object',
      7,
      ['mcp: expected an http(s) URL as text, a function, { url | handler, … } or a list of these objects'],
    ],
    [
      'null',
      null,
      ['mcp: expected an http(s) URL as text, a function, { url | handler, … } or a list of these objects'],
    ],
  ])('%s', async (_, mcp, lines) => {
    await config({ mcp })
    expect(await problems({}, wrap)).toEqual(lines.map((line) => `lockgate.config.json: ${line}`))
  })

  test('a function and an entry with a handler', async () => {
    await code('{ mcp: () => new Response() }')
    expect(await problems({}, wrap)).toEqual([`lockgate.config.mjs: mcp: ${elsewhere}`])
  })

  test('a setting about the user, because the program learns nothing of that', async () => {
    expect(await problems({ LOCKGATE_MCP_FORWARD: 'identity' }, wrap)).toEqual([
      `LOCKGATE_MCP_FORWARD: ${nothing}`,
    ])
  })
})

describe('an address outside the config file replaces the address alone, and all other members of the entry stay', () => {
  test.each<[string, unknown, unknown]>([
    ['an entry', { url: MCP, ...RULES }, { url: ELSEWHERE, ...RULES }],
    ['a list of one', [{ url: MCP, ...RULES }], [{ url: ELSEWHERE, ...RULES }]],
    ['an entry without an address', RULES, { url: ELSEWHERE, ...RULES }],
    ['an address alone', MCP, ELSEWHERE],
    [
      'what only an address can have',
      { url: MCP, forward: 'nothing', path: '/tools' },
      { url: ELSEWHERE, forward: 'nothing', path: '/tools' },
    ],
  ])('%s', async (_, mcp, expected) => {
    await config({ mcp })
    expect((await read({ LOCKGATE_MCP: ELSEWHERE })).options.mcp).toEqual(expected)
    expect((await read({}, { flags: { LOCKGATE_MCP: ELSEWHERE } })).options.mcp).toEqual(expected)
  })

  test('an entry with a handler', async () => {
    await code(`{ scopes: { read: 'Read' }, mcp: { handler: () => {}, tools: { debug: 'deny' } } }`)
    const { options } = await read({ LOCKGATE_MCP: ELSEWHERE })
    expect(options.mcp).toEqual({ url: ELSEWHERE, tools: { debug: 'deny' } })
  })

  test('path and forward replace themselves alone, also in a list of one', async () => {
    await config({ mcp: [{ url: MCP, ...RULES, path: '/a', forward: 'identity' }] })
    const { options } = await read({ LOCKGATE_MCP_PATH: '/b', LOCKGATE_MCP_FORWARD: 'nothing' })
    expect(options.mcp).toEqual([{ url: MCP, ...RULES, path: '/b', forward: 'nothing' }])
  })

  test('what is wrong is named by its own place', async () => {
    await config({ mcp: { url: MCP, toolz: {} } })
    expect(await problems({ LOCKGATE_MCP: ELSEWHERE })).toEqual([
      'lockgate.config.json: mcp.toolz: is not an option; did you mean `tools`?',
    ])
  })

  test('the start report names the place of the address', async () => {
    await config({ mcp: { url: MCP, tools: { debug: 'deny' } } })
    const settings = await read({ LOCKGATE_MCP: ELSEWHERE })
    const proxy = createProxy({ ...settings.options, on: { event() {} } })
    const { rows, from } = startReport(proxy, settings, 'http://127.0.0.1:8787')
    const [, servers, path] = rows.find(([name]) => name === 'protects')!
    expect(servers).toEqual([expect.stringContaining(`→ ${ELSEWHERE}`)])
    expect(from.get(path!)).toBe('LOCKGATE_MCP')
  })

  const several = 'the config file has several MCP servers; set it there for one of them'
  const list = [{ url: MCP, path: '/a', tools: { debug: 'deny' } }, { url: MCP }]
  test.each<[string, unknown, Env, string]>([
    ['several entries', list, { LOCKGATE_MCP: ELSEWHERE }, `LOCKGATE_MCP: ${several}`],
    ['several entries and a path', list, { LOCKGATE_MCP_PATH: '/b' }, `LOCKGATE_MCP_PATH: ${several}`],
    [
      'several entries and a forward',
      list,
      { LOCKGATE_MCP_FORWARD: 'nothing' },
      `LOCKGATE_MCP_FORWARD: ${several}`,
    ],
    [
      'several addresses',
      { url: MCP, path: '/a' },
      { LOCKGATE_MCP: `${MCP}, ${ELSEWHERE}` },
      'LOCKGATE_MCP: names several servers; list them as `mcp` in a config file, each with its rules',
    ],
    [
      'an external server',
      { external: true, resource: 'https://tools.example.com' },
      { LOCKGATE_MCP: ELSEWHERE },
      'LOCKGATE_MCP: `mcp` of lockgate.config.json is an external server, which has no address; remove one of the two',
    ],
  ])('%s: refused, because it is not clear whose rules count', async (_, mcp, env, line) => {
    await config({ mcp })
    expect(await problems(env)).toEqual([line])
  })
})

describe('a variable that replaces a whole option of the config file is a warning at the start', () => {
  const whole = (variable: string, path: string) =>
    `${variable}: replaces the whole \`${path}\` of lockgate.config.mjs, and none of that counts; remove one of the two`
  test.each<[string, string, string, Env]>([
    ['allow', '() => true', 'LOCKGATE_ALLOW', { LOCKGATE_ALLOW: '@example.com' }],
    ['upstream', `{ login: '/login', name: 'Own' }`, 'LOCKGATE_UPSTREAM', {}],
    [
      'clients',
      `[{ clientId: 'a', redirectUris: ['https://a.example'] }]`,
      'LOCKGATE_CLIENTS',
      { LOCKGATE_CLIENTS: '[]' },
    ],
    ['trustedIssuers', '[]', 'LOCKGATE_TRUSTED_ISSUERS', { LOCKGATE_TRUSTED_ISSUERS: '[]' }],
    ['resourceServers', '[]', 'LOCKGATE_RESOURCE_SERVERS', { LOCKGATE_RESOURCE_SERVERS: '[]' }],
    [
      'metrics',
      '{ count() {}, observe() {}, handle() {} }',
      'LOCKGATE_METRICS_TOKEN',
      { LOCKGATE_METRICS_TOKEN: 'qFt2nV8xLpW3zKbR7mYcqFt2nV8xLpW3zKbR7mYc' },
    ],
  ])('%s', async (path, value, variable, env) => {
    await code(`{ scopes: { read: 'Read' }, ${path}: ${value} }`)
    const settings = await read({ LOCKGATE_MCP: MCP, ...env }).catch((error: Error) => error.message)
    expect(settings).toMatchObject({ replaced: [whole(variable, path)] })
  })

  test('the start report prints it', async () => {
    await config({ allow: ['group:staff'] })
    const settings = await read({ LOCKGATE_MCP: MCP, LOCKGATE_ALLOW: '@example.com' })
    const proxy = createProxy({ ...settings.options, on: { event() {} } })
    expect(startReport(proxy, settings, 'http://127.0.0.1:8787').warnings).toContain(
      whole('LOCKGATE_ALLOW', 'allow').replace('.mjs', '.json'),
    )
  })

  test('and so is a variable of a provider that the config file replaces, unless the file reads it', async () => {
    await code(`{ upstream: { login: '/login', name: 'Own' /* LOCKGATE_UPSTREAM_NAME */ } }`)
    const { replaced } = await read({
      LOCKGATE_MCP: MCP,
      LOCKGATE_UPSTREAM: undefined,
      LOCKGATE_UPSTREAM_CLIENT_ID: undefined,
      LOCKGATE_UPSTREAM_ISSUER: undefined,
      LOCKGATE_UPSTREAM_NAME: 'Own',
      LOCKGATE_UPSTREAM_TENANT: 'acme',
    })
    expect(replaced).toEqual([
      'LOCKGATE_UPSTREAM_TENANT: does not count, because `upstream` is that of lockgate.config.mjs',
    ])
  })

  test('two places that say nothing of each other are none', async () => {
    await config({ allow: ['@example.com'], limits: { user: 7 } })
    expect((await read({ LOCKGATE_MCP: MCP, LOCKGATE_LIMITS_ADDRESS: '9' })).replaced).toEqual([])
  })
})

describe('a variable for one member of an option does not hide what the config file has in its place', () => {
  test.each<[string, unknown, Env]>([
    ['limits', false, { LOCKGATE_LIMITS_USER: '9' }],
    ['clientDocuments', false, { LOCKGATE_CLIENT_DOCUMENTS_LOOPBACK: 'true' }],
    ['redirectUris', ['https://a.example/cb'], { LOCKGATE_REDIRECT_URIS_LOOPBACK_ALIASES: 'true' }],
    ['forwardAuth', 'nginx', { LOCKGATE_FORWARD_AUTH_FROM: '127.0.0.1' }],
    ['consent', null, { LOCKGATE_CONSENT_VERSION: '2' }],
  ])('%s: %j', async (path, value, env) => {
    await config({ [path]: value })
    expect(await problems({ LOCKGATE_MCP: MCP, ...env })).toContain(
      `${Object.keys(env)[0]}: sets a member of \`${path}\`, which lockgate.config.json sets to what is no object; change one of the two`,
    )
  })
})
