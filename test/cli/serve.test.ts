import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { type Run, startCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider, startProvider } from '../support/provider.ts'
import { noRedis, startRedis } from '../support/redis.ts'

let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-serve-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Starts `lockgate serve` with these variables and no others of its kind. */
function start(env: Record<string, string>, args: string[] = []): Run {
  const run = startCommand(folder, ['serve', ...args], env)
  children.push(run.child)
  return run
}

/** Drawn, not made up. */
const SECRET = '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4'

const UPSTREAM = {
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
  LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
  LOCKGATE_UPSTREAM_CLIENT_SECRET: 'secret',
  LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
}

const GITHUB = {
  LOCKGATE_UPSTREAM: 'github',
  LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
  LOCKGATE_UPSTREAM_CLIENT_SECRET: 'secret',
  LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
}

describe('what is wrong names itself, and nothing listens', () => {
  test.each<[string, Record<string, string | undefined>, string[]]>([
    ['no provider', { LOCKGATE_UPSTREAM: undefined }, ['LOCKGATE_UPSTREAM']],
    [
      'an unknown provider',
      { LOCKGATE_UPSTREAM: 'nobody' },
      ['LOCKGATE_UPSTREAM: is not a provider; expected one of airtable'],
    ],
    ['no issuer', { LOCKGATE_UPSTREAM_ISSUER: undefined }, ['LOCKGATE_UPSTREAM_ISSUER: is missing']],
    [
      'an issuer over http',
      { LOCKGATE_UPSTREAM_ISSUER: 'http://id.example.com' },
      ['LOCKGATE_UPSTREAM', 'https'],
    ],
    [
      'the address of a metadata document as issuer',
      { LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com/.well-known/openid-configuration' },
      ['LOCKGATE_UPSTREAM_ISSUER: expected the issuer, which is the part of this URL before `/.well-known/`'],
    ],
    [
      'a host that this machine is not',
      { HOST: '192.0.2.1' },
      ['HOST: this machine has no address 192.0.2.1; use 127.0.0.1'],
    ],
    ['no client id', { LOCKGATE_UPSTREAM_CLIENT_ID: undefined }, ['LOCKGATE_UPSTREAM_CLIENT_ID: is missing']],
    ['no server', { LOCKGATE_MCP: undefined }, ['LOCKGATE_MCP: is missing']],
    ['a server that is no URL', { LOCKGATE_MCP: 'localhost' }, ['LOCKGATE_MCP', 'http(s) URL']],
    [
      'several at once',
      {
        LOCKGATE_MCP: undefined,
        LOCKGATE_UPSTREAM_ISSUER: undefined,
        LOCKGATE_UPSTREAM_CLIENT_ID: undefined,
      },
      ['LOCKGATE_MCP:', 'LOCKGATE_UPSTREAM_ISSUER:', 'LOCKGATE_UPSTREAM_CLIENT_ID:'],
    ],
    [
      'a Redis out of reach',
      { LOCKGATE_STORAGE: 'redis://:canary@127.0.0.1:9' },
      ['LOCKGATE_STORAGE: cannot use the Redis server'],
    ],
    ['a storage nobody knows', { LOCKGATE_STORAGE: 'floppy:a' }, ['LOCKGATE_STORAGE: expected memory:']],
    [
      'a public URL without secret',
      { LOCKGATE_URL: 'https://mcp.example.com' },
      ['LOCKGATE_SECRET: is missing'],
    ],
    ['a short secret', { LOCKGATE_SECRET: 'canary' }, ['LOCKGATE_SECRET', '32 random characters']],
    [
      'a public URL over http',
      { LOCKGATE_URL: 'http://mcp.example.com', LOCKGATE_SECRET: 'x'.repeat(40) },
      ['LOCKGATE_URL', 'https'],
    ],
    [
      'a number that is none',
      { LOCKGATE_REFRESH_GRACE: 'soon' },
      ['LOCKGATE_REFRESH_GRACE: expected a whole number'],
    ],
    ['a number out of bounds', { LOCKGATE_REFRESH_GRACE: '9999' }, ['LOCKGATE_REFRESH_GRACE']],
    [
      'a switch that is none',
      { LOCKGATE_REDIRECT_URIS_CUSTOM_SCHEMES: 'maybe' },
      ['LOCKGATE_REDIRECT_URIS_CUSTOM_SCHEMES'],
    ],
    ['a port that is none', { PORT: 'x' }, ['PORT']],
    [
      'a short token for the figures',
      { LOCKGATE_METRICS_TOKEN: 'canary' },
      ['LOCKGATE_METRICS_TOKEN: expected a token of at least 32 characters'],
    ],
    [
      'a secret of one word, in public',
      { LOCKGATE_URL: 'https://mcp.example.com', LOCKGATE_SECRET: 'correct horse '.repeat(4) },
      [
        'secret (LOCKGATE_SECRET): is guessable',
        'if you mean it: LOCKGATE_DANGEROUSLY_ALLOW_WEAK_SECRET=true or --dangerously-allow-weak-secret',
      ],
    ],
    [
      'a secret of the documents, in public',
      {
        LOCKGATE_URL: 'https://mcp.example.com',
        LOCKGATE_SECRET: 'change-me-c7QxW2nT0pLrZsVbYdKfHgJu3iO9eA1m',
      },
      ['secret (LOCKGATE_SECRET): is guessable'],
    ],
    [
      'memory behind a public URL',
      { LOCKGATE_URL: 'https://mcp.example.com', LOCKGATE_SECRET: SECRET, LOCKGATE_STORAGE: 'memory:' },
      ['LOCKGATE_STORAGE: memory: forgets', '--dangerously-allow-memory-storage'],
    ],
    [
      'everybody, at a provider where anybody may have an account',
      {
        ...{ ...GITHUB, LOCKGATE_UPSTREAM_ISSUER: undefined, LOCKGATE_URL: 'https://mcp.example.com' },
        ...{ LOCKGATE_SECRET: SECRET },
      },
      ['LOCKGATE_ALLOW: is missing', 'GitHub', 'LOCKGATE_DANGEROUSLY_ALLOW_EVERYONE=true'],
    ],
    [
      'all that is unsafe, beside what is missing',
      {
        LOCKGATE_URL: 'https://mcp.example.com',
        LOCKGATE_SECRET: 'x'.repeat(40),
        LOCKGATE_STORAGE: 'memory:',
        LOCKGATE_UPSTREAM: 'google',
        LOCKGATE_UPSTREAM_ISSUER: undefined,
        LOCKGATE_TLS_CERT: 'nowhere.pem',
        PORT: 'x',
      },
      ['LOCKGATE_SECRET', 'LOCKGATE_STORAGE', 'LOCKGATE_ALLOW', 'LOCKGATE_TLS_KEY: is missing', 'PORT'],
    ],
    [
      'a certificate that is not there',
      { LOCKGATE_TLS_CERT: 'nowhere.pem', LOCKGATE_TLS_KEY: 'nowhere.pem' },
      ['LOCKGATE_TLS_CERT: its file cannot be read (ENOENT)'],
    ],
    ...['everyone', 'acme', 'user@', 'group:'].map((allow): [string, Record<string, string>, string[]] => [
      `an allow list with ${allow}`,
      { LOCKGATE_ALLOW: allow },
      [
        'allow.0 (LOCKGATE_ALLOW, entry 1): expected user@example.com, @example.com, org:name, team:org/name, group:name or sub:id',
      ],
    ]),
  ])('%s', async (_name, change, expected) => {
    const port = String(await freePort())
    const env = Object.entries({ PORT: port, ...UPSTREAM, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const run = start(Object.fromEntries(env))
    expect(await run.code).toBe(1)
    for (const text of expected) expect(run.err()).toContain(text)
    expect(run.err()).not.toContain('canary')
    expect(run.err()).not.toContain('    at ')
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  })

  test.each([44, 52, 60])('a limit of %i files', async (files) => {
    const limited = ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath]
    const run = startCommand(folder, ['serve'], { ...UPSTREAM, LOCKGATE_STORAGE: 'memory:' }, limited)
    children.push(run.child)
    expect(await run.code).toBe(1)
    expect(run.err()).toMatch(/EMFILE/)
    expect(run.err()).not.toContain('choose a folder')
  })

  test('a port that is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const run = start({ ...UPSTREAM, PORT: String(port) })
    expect(await run.code).toBe(1)
    expect(run.err()).toContain(`PORT: another process listens on port ${port} already; stop it`)
    taken.close()
  })
})

test('from variables alone it serves a whole sign-in at localhost:8787', async () => {
  const provider = await startProvider({ redirectUris: ['http://localhost:8787/callback'] })
  const mcp = await startMcpServer()
  const run = start(
    {
      LOCKGATE_UPSTREAM: 'oidc',
      LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
      LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
      LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
      LOCKGATE_MCP: mcp.url,
      LOCKGATE_METRICS_TOKEN: SECRET,
    },
    ['--log', 'json'],
  )
  await run.ready()
  const browser = new Browser()
  const client: SignedInClient = new SignedInClient(async (url) => {
    const stopAt = client.redirectUrl
    const consent = asPage(await browser.open(url.href))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
    return asUrl(await signInAtProvider(browser, login, { stopAt }))
  })
  const { client: connected } = await connectV1('http://localhost:8787/mcp', client)
  expect((await connected.listTools()).tools.length).toBeGreaterThan(5)

  const secret = join(folder, '.lockgate/data/lockgate-secret')
  expect((await readFile(secret, 'utf8')).trim()).toMatch(/^[\w-]{43}$/)
  expect((await stat(secret)).mode & 0o077, 'nobody else may read it').toBe(0)
  const lines = run
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string })
  expect(lines.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['registered', 'consented', 'signed-in', 'issued']),
  )
  const figures = await fetch('http://localhost:8787/metrics', {
    headers: { authorization: `Bearer ${SECRET}` },
  })
  expect(await figures.text()).toContain('lockgate_events_total{type="signed-in",reason=""} 1\n')
  const log = run.out() + run.err()
  const { access_token: access, refresh_token: refresh } = client.saved!
  for (const hidden of [
    access,
    refresh!,
    client.answer!.searchParams.get('code')!,
    provider.clientSecret,
    'ada@example.com',
  ]) {
    expect(log).not.toContain(hidden)
  }

  run.child.kill('SIGTERM')
  expect(await run.code).toBe(0)
  const again = start({ ...UPSTREAM, LOCKGATE_UPSTREAM_ISSUER: provider.issuer, LOCKGATE_MCP: mcp.url })
  await again.ready()
  const headers = { authorization: `Bearer ${access}`, accept: 'text/event-stream' }
  const response = await fetch('http://localhost:8787/mcp', { headers })
  expect(response.status, 'grants and secret outlive the process').not.toBe(401)
  await response.body?.cancel()
  await Promise.all([mcp.close(), provider.close()])
}, 40_000)

test.each([
  [
    'lockgate.config.ts',
    (port: number) =>
      `const port: number = ${port}\nexport default { url: \`http://localhost:\${port}\`, name: 'From TypeScript', mcp: () => new Response('ok') }`,
  ],
  [
    'lockgate.config.js',
    (port: number) => `export default { url: 'http://localhost:${port}', name: 'From JavaScript' }`,
  ],
  [
    'lockgate.config.json',
    (port: number) => JSON.stringify({ url: `http://localhost:${port}`, name: 'From JSON', refreshGrace: 0 }),
  ],
])('%s is read, and the environment fills in what it leaves open', async (name, content) => {
  const port = await freePort()
  await writeFile(join(folder, name), content(port))
  const run = start({ ...UPSTREAM, PORT: String(port) })
  await run.ready()
  const response = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/mcp`)
  expect(await response.json()).toMatchObject({
    resource: `http://localhost:${port}/mcp`,
    resource_name: expect.stringMatching(/^From /),
  })
})

const DIST = new URL('../../dist', import.meta.url).pathname

test.each<[string, string, string[]]>([
  [
    'several providers',
    "[make('staff'), make('guests')]",
    ['staff (https://staff.example)', '/callback/staff: register', '/callback/guests: register', '/wiki →'],
  ],
  [
    'a provider beside an own sign-in',
    "[make('staff'), { login: '/login', name: 'your account', id: 'guests' }]",
    ['staff (https://staff.example)', 'your account (/login)', '/callback: register'],
  ],
  [
    'a function for tenants',
    "() => make('staff')",
    ['the function of the config file, for each tenant', '/callback/<id>: register'],
  ],
])('a config file may have %s, whatever the environment says of one', async (_name, upstream, texts) => {
  const port = await freePort()
  const servers = upstream.startsWith('[')
    ? "[{ path: '/wiki', url: 'http://127.0.0.1:3001/', upstream: 'staff' }, { path: '/both', url: 'http://127.0.0.1:3002/' }]"
    : "'http://127.0.0.1:3001/wiki'"
  await writeFile(
    join(folder, 'lockgate.config.js'),
    `import { oidc } from '${DIST}/providers/oidc.js'
const make = (id) => ({ ...oidc({ issuer: \`https://\${id}.example\`, clientId: 'x', clientSecret: 'y', name: id }), id })
export default { url: 'http://localhost:${port}', upstream: ${upstream}, mcp: ${servers} }`,
  )
  const run = start({ PORT: String(port) })
  await run.ready()
  for (const text of texts) expect(run.err()).toContain(text)
  for (const path of ['wiki', ...(servers.includes('both') ? ['both'] : [])]) {
    const metadata = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/${path}`)
    expect(await metadata.json()).toMatchObject({ resource: `http://localhost:${port}/${path}` })
    expect((await fetch(`http://localhost:${port}/${path}`, { method: 'POST' })).status).toBe(401)
  }
})

test('a wrong option in a config file is named by its path', async () => {
  await writeFile(
    join(folder, 'lockgate.config.json'),
    JSON.stringify({ refreshGrace: -1, unknown: 1, clients: [{ clientId: 'x', redirectUris: [] }] }),
  )
  const run = start(UPSTREAM)
  expect(await run.code).toBe(1)
  for (const path of ['refreshGrace', 'unknown', 'clients.0.redirectUris']) expect(run.err()).toContain(path)
})

test.each([
  [
    ['--dangerously-allow-everyone', '--dangerously-allow-memory-storage', '--dangerously-allow-weak-secret'],
    {},
  ],
  [
    [],
    {
      LOCKGATE_DANGEROUSLY_ALLOW_EVERYONE: 'true',
      LOCKGATE_DANGEROUSLY_ALLOW_MEMORY_STORAGE: 'true',
      LOCKGATE_DANGEROUSLY_ALLOW_WEAK_SECRET: 'true',
    },
  ],
])('what is unsafe is served where its own loud name says so (%j)', async (flags, variables) => {
  const port = await freePort()
  const run = start(
    {
      ...GITHUB,
      LOCKGATE_URL: 'https://mcp.example.com',
      LOCKGATE_SECRET: 'x'.repeat(40),
      LOCKGATE_STORAGE: 'memory:',
      PORT: String(port),
      ...variables,
    },
    flags,
  )
  await run.ready()
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
})

test('the report at the start says what matters, without the password of the storage', async () => {
  const redis = noRedis ? undefined : await startRedis()
  const port = await freePort()
  const storage = redis ? `redis://default:canary@${new URL(redis.url).host}` : 'fs:data'
  const allow = { LOCKGATE_ALLOW: '@example.com,group:engineers' }
  // Redis without a password takes any, with a warning of its own.
  const run = start({ ...UPSTREAM, ...allow, LOCKGATE_STORAGE: storage, PORT: String(port), HOST: '0.0.0.0' })
  await run.ready()
  const report = run.err()
  for (const text of [
    `http://localhost:${port}/callback`,
    `http://localhost:${port}/mcp → http://127.0.0.1:3000/mcp`,
    'id.example.com (https://id.example.com)',
    '@example.com, group:engineers',
    'register themselves (sealed); with a metadata document',
    `claude mcp add --transport http lockgate http://localhost:${port}/mcp`,
    'warning      HOST: 0.0.0.0 can be reached from the network',
    redis ? 'several processes may share it' : 'for this one process',
  ]) {
    expect(report).toContain(text)
  }
  expect(report).not.toContain('canary')
  await redis?.stop()
})

test('the start names rules that no user can meet, and servers whose addresses overlap', async () => {
  const mcp = [
    { path: '/wiki', url: 'http://127.0.0.1:3000/wiki' },
    { path: '/admin', url: 'http://127.0.0.1:3000/wiki/admin' },
  ]
  await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ mcp }))
  const { LOCKGATE_MCP: _, ...slack } = { ...GITHUB, LOCKGATE_UPSTREAM: 'slack' }
  const port = await freePort()
  const run = start({ ...slack, PORT: String(port), LOCKGATE_ALLOW: 'bob@example.com,org:T1' })
  await run.ready()
  expect(run.err()).toMatch(/warning +allow\.0: matches no user: Slack does not say/)
  expect(run.err()).toMatch(/warning +mcp\.1\.url: lies below the address behind \/wiki/)
  // A server behind that does not respond has a warning of its own, which may come later.
  expect(run.err().match(/warning +(?:allow|mcp)\b/g)).toHaveLength(2)
})

test('with --log json each line at the start is an object, on standard error too', async () => {
  const port = String(await freePort())
  const args = [
    '--dev',
    '--mcp',
    'http://127.0.0.1:1/mcp',
    '--port',
    port,
    '--allow',
    'org:x',
    '--log',
    'json',
  ]
  const run = start({}, args)
  await run.ready()
  await expect.poll(() => run.err(), { timeout: 10_000 }).toContain('does not respond')
  const lines = run.err().trim().split('\n')
  const [ready, ...warnings] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(ready).toMatchObject({
    type: 'ready',
    publicUrl: `http://localhost:${port}`,
    listening: `http://127.0.0.1:${port}/`,
    maySignIn: 'org:x',
    from: { maySignIn: '--allow', protects: '--mcp' },
  })
  expect(warnings.map(({ type }) => type)).toEqual(['warning', 'warning'])
  expect(warnings[0]).toMatchObject({ message: expect.stringMatching(/^allow\.0: matches no user/) })
  const again = start({}, args)
  expect(await again.code).toBe(1)
  expect(JSON.parse(again.err())).toMatchObject({
    type: 'not-started',
    problems: [expect.stringMatching(/^(PORT: another process|LOCKGATE_STORAGE: .* is in use)/)],
  })
})

describe('the start warns of what will not work, and says what to do', () => {
  test.each<[string, number, string | undefined]>([
    ['/mcp', 200, undefined],
    ['/', 404, 'responds 404: there is no MCP server at this path; correct --mcp'],
    ['/page', 405, 'responds 405: there is no MCP server at this path; correct --mcp'],
    ['/broken', 502, 'responds 502; look at its log'],
  ])('an MCP server behind that answers at %s with %i', async (path, status, expected) => {
    const methods: string[] = []
    const behind = createServer((request, response) => {
      methods.push(request.method!)
      // Frameworks that know a path for POST alone answer OPTIONS with 404.
      const isKnown = status !== 200 || request.method === 'POST'
      response.writeHead(isKnown ? status : 404).end()
    })
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
    const target = `http://127.0.0.1:${(behind.address() as { port: number }).port}${path}`
    const run = start({}, ['--dev', '--mcp', target, '--port', String(await freePort())])
    await run.ready()
    await expect.poll(() => methods.length, { timeout: 10_000 }).toBeGreaterThan(status === 502 ? 0 : 1)
    if (expected) await expect.poll(() => run.err(), { timeout: 10_000 }).toContain(`${target} ${expected}`)
    else {
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(run.err()).not.toContain('warning')
    }
    behind.close()
  })

  test('an MCP server behind that does not speak TLS', async () => {
    const behind = createServer()
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
    const target = `https://127.0.0.1:${(behind.address() as { port: number }).port}/mcp`
    const run = start({}, ['--dev', '--mcp', target, '--port', String(await freePort())])
    await run.ready()
    await expect.poll(() => run.err(), { timeout: 10_000 }).toContain('it does not speak TLS; use http')
    behind.close()
  })

  test('a provider behind the proxy of the environment, by its variable', async () => {
    const env = { ...UPSTREAM, PORT: String(await freePort()), HTTPS_PROXY: 'http://127.0.0.1:1' }
    const run = start(env)
    await run.ready()
    await expect
      .poll(() => run.err(), { timeout: 10_000 })
      .toContain('does not respond through the proxy of HTTPS_PROXY (ECONNREFUSED: no server listens there)')
  })

  test('a public URL that has the path of the MCP server already', async () => {
    const port = await freePort()
    const run = start({ ...UPSTREAM, PORT: String(port), LOCKGATE_URL: `http://localhost:${port}/mcp` })
    await run.ready()
    expect(run.err()).toContain(
      `LOCKGATE_URL: ends in /mcp, so clients use http://localhost:${port}/mcp/mcp; if they should use http://localhost:${port}/mcp, remove /mcp from LOCKGATE_URL`,
    )
  })

  test.each([
    ['::1', undefined],
    ['127.0.0.1', 'HOST: is 127.0.0.1, but clients use [::1] of the public URL; set both to one address'],
    [undefined, undefined],
  ])('a public URL at [::1] with HOST %s', async (host, expected) => {
    const port = await freePort()
    const run = start({
      ...{ ...UPSTREAM, PORT: String(port), LOCKGATE_URL: `http://[::1]:${port}` },
      ...(host && { HOST: host }),
    })
    await run.ready()
    expect(run.err().match(/warning +(HOST.*)/)?.[1]).toBe(expected)
    if (!expected) expect((await fetch(`http://[::1]:${port}/health`)).status).toBe(200)
  })

  test.each(['127.0.0.2', '::1', 'localhost'])('of no network if it listens on %s', async (host) => {
    const run = start({ ...UPSTREAM, PORT: String(await freePort()), HOST: host })
    await run.ready()
    expect(run.err()).not.toContain('can be reached from the network')
  })
})

test('behind something that speaks TLS the start asks for trustProxy', async () => {
  const { LOCKGATE_MCP } = UPSTREAM
  const run = start({
    ...UPSTREAM,
    LOCKGATE_MCP,
    LOCKGATE_URL: 'https://mcp.example.com',
    LOCKGATE_SECRET: SECRET,
    PORT: String(await freePort()),
  })
  await run.ready()
  expect(run.err()).toMatch(/warning +LOCKGATE_TRUST_PROXY: is missing, /)
})

test('.env is read, and the environment wins over it', async () => {
  const port = await freePort()
  const lines = Object.entries({ ...UPSTREAM, PORT: '1', LOCKGATE_NAME: '"From .env"' })
  await writeFile(join(folder, '.env'), lines.map(([name, value]) => `${name}=${value}\n`).join(''))
  const run = start({ PORT: String(port) })
  await run.ready()
  const response = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/mcp`)
  expect(await response.json()).toMatchObject({ resource_name: 'From .env' })
})
