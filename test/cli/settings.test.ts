import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readSettings } from '../../adapters/cli/configuration/settings.ts'
import { serveFlags } from '../../adapters/cli/serve/flags.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-settings-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  return rm(folder, { recursive: true, force: true })
})

const BASE = {
  LOCKGATE_UPSTREAM: 'oidc',
  LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
  LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
  LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
  LOCKGATE_STORAGE: 'memory:',
}

const read = (env: Record<string, string | undefined>, flags: Record<string, string> = {}) =>
  readSettings({ ...env } as NodeJS.ProcessEnv, folder, { flags, dangers: true })

/** The lines of the error; a failure if the settings are accepted. */
const problems = async (env: Record<string, string | undefined>, flags?: Record<string, string>) => {
  const error = await read(env, flags).then(
    () => undefined,
    (reason: Error) => reason,
  )
  expect(error, 'the settings were accepted').toBeDefined()
  return error!.message.split('\n')
}

describe('a variable that has no meaning is an error with the name that was meant', () => {
  test.each<[string, string]>([
    ['LOCKGATE_ALLOWED', 'LOCKGATE_ALLOWED: is not a setting of Lockgate; did you mean LOCKGATE_ALLOW?'],
    ['LOCKGATE_ALOW', 'LOCKGATE_ALOW: is not a setting of Lockgate; did you mean LOCKGATE_ALLOW?'],
    ['LOCKGATE_SECERT', 'LOCKGATE_SECERT: is not a setting of Lockgate; did you mean LOCKGATE_SECRET?'],
    [
      'LOCKGATE_REFRESHTTL',
      'LOCKGATE_REFRESHTTL: is not a setting of Lockgate; did you mean LOCKGATE_REFRESH_TTL?',
    ],
    ['LOCKGATE_PORT', 'LOCKGATE_PORT: is not a setting of Lockgate; did you mean PORT?'],
    ['LOCKGATE_HOST', 'LOCKGATE_HOST: is not a setting of Lockgate; did you mean HOST?'],
    [
      'LOCKGATE_UPSTREAM_ISUER',
      'LOCKGATE_UPSTREAM_ISUER: is not a setting of Lockgate; did you mean LOCKGATE_UPSTREAM_ISSUER?',
    ],
    ['LOCKGATE_UPSTREAM_TENANT', 'LOCKGATE_UPSTREAM_TENANT: oidc has no such setting'],
    ['LOCKGATE_XYZZY_PLUGH', 'LOCKGATE_XYZZY_PLUGH: is not a setting of Lockgate'],
  ])('%s', async (name, line) => {
    expect(await problems({ ...BASE, [name]: 'canary' })).toEqual([line])
  })

  test('also in .env, which is named', async () => {
    await writeFile(join(folder, '.env'), 'LOCKGATE_ALLOWED=@example.com\n')
    expect(await problems(BASE)).toEqual([
      'LOCKGATE_ALLOWED in .env: is not a setting of Lockgate; did you mean LOCKGATE_ALLOW?',
    ])
  })

  test('also where it names a file', async () => {
    await writeFile(join(folder, 'a'), 'x')
    expect(await problems({ ...BASE, LOCKGATE_SECERT_FILE: 'a' })).toEqual([
      'LOCKGATE_SECERT_FILE: is not a setting of Lockgate; did you mean LOCKGATE_SECRET?',
    ])
  })

  test('but not the names that Kubernetes adds for a service called lockgate', async () => {
    const links = {
      LOCKGATE_SERVICE_HOST: '10.0.0.1',
      LOCKGATE_SERVICE_PORT: '8787',
      LOCKGATE_SERVICE_PORT_HTTP: '8787',
      LOCKGATE_PORT: 'tcp://10.0.0.1:8787',
      LOCKGATE_PORT_8787_TCP: 'tcp://10.0.0.1:8787',
      LOCKGATE_PORT_8787_TCP_ADDR: '10.0.0.1',
      LOCKGATE_REDIS_SERVICE_HOST: '10.0.0.2',
    }
    await expect(read({ ...BASE, ...links })).resolves.toBeDefined()
  })

  test('a provider that is misspelled is named too', async () => {
    const lines = await problems({ ...BASE, LOCKGATE_UPSTREAM: 'gihub', LOCKGATE_UPSTREAM_ISSUER: undefined })
    expect(lines[0]).toBe('LOCKGATE_UPSTREAM: is not a provider; did you mean github?')
  })
})

describe('lists of objects are JSON in their variables', () => {
  const issuers = (changes: Record<string, unknown> = {}) =>
    JSON.stringify([{ issuer: 'https://acme.okta.com', use: ['id-jag'], ...changes }])

  test('trusted issuers, clients and resource servers', async () => {
    const clients = [
      { clientId: 'a', clientSecret: 'a secret of a client', redirectUris: ['https://a.example/cb'] },
    ]
    const { options, from } = await read({
      ...BASE,
      LOCKGATE_TRUSTED_ISSUERS: issuers(),
      LOCKGATE_EMA_CLIENTS: 'https://client.example/a.json,https://client.example/b.json',
      LOCKGATE_EMA_ACCESS_TTL: '900',
      LOCKGATE_CLIENTS: JSON.stringify(clients),
      LOCKGATE_RESOURCE_SERVERS: '[]',
    })
    expect(options).toMatchObject({
      trustedIssuers: [{ issuer: 'https://acme.okta.com', use: ['id-jag'] }],
      ema: { clients: ['https://client.example/a.json', 'https://client.example/b.json'], accessTtl: 900 },
      clients,
      resourceServers: [],
    })
    expect(from.get('trustedIssuers')).toBe('LOCKGATE_TRUSTED_ISSUERS')
  })

  test('also from a file, and instead of the list in the config file', async () => {
    await writeFile(join(folder, 'issuers.json'), issuers())
    const inFile = { trustedIssuers: [{ issuer: 'https://other.example', use: ['id-jag'] }] }
    await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify(inFile))
    const { options } = await read({ ...BASE, LOCKGATE_TRUSTED_ISSUERS_FILE: 'issuers.json' })
    expect(options.trustedIssuers).toEqual([{ issuer: 'https://acme.okta.com', use: ['id-jag'] }])
  })

  test.each<[string, string]>([
    ['https://acme.okta.com', 'line 1, column 1: is not valid JSON'],
    ['[{"issuer":"canary",}]', 'line 1, column 21: is not valid JSON: remove the comma before it'],
    ['{"issuer":"canary"}', 'expected a JSON list of objects, [{ … }]'],
    ['null', 'expected a JSON list of objects, [{ … }]'],
  ])('%s is refused, and not quoted', async (text, problem) => {
    expect(await problems({ ...BASE, LOCKGATE_TRUSTED_ISSUERS: text })).toEqual([
      `LOCKGATE_TRUSTED_ISSUERS: ${problem}`,
    ])
  })

  test('what is wrong within is named by its member and its variable', async () => {
    const wrong = issuers({ use: ['workload'], rules: [{ name: 'a', match: {}, scopes: ['mcp'] }] })
    const [line, ...others] = await problems({ ...BASE, LOCKGATE_TRUSTED_ISSUERS: wrong })
    expect(line).toMatch(/^trustedIssuers\.0\.rules\.0\.match \(LOCKGATE_TRUSTED_ISSUERS\): /)
    expect(others).toEqual([])
  })

  test('clients and resource servers may hold secrets, so that no command line may have them', async () => {
    const flags = await serveFlags([])
    expect([flags.clients?.refused, flags['resource-servers']?.refused]).toEqual([
      expect.stringContaining('LOCKGATE_CLIENTS_FILE'),
      expect.stringContaining('LOCKGATE_RESOURCE_SERVERS_FILE'),
    ])
    expect(flags['trusted-issuers']).toMatchObject({ hidden: true })
    expect(flags['ema-clients']?.refused).toBeUndefined()
  })

  test.each([
    'secret',
    'user-id-secret',
    'signing-keys',
    'tls-key',
    'metrics-token',
    'doctor-token',
    'forward-auth-secret',
    'upstream-client-secret',
    'upstream-private-key',
  ])('no command line may have --%s', async (flag) => {
    const flags = await serveFlags(['--upstream-x'])
    expect(flags[flag]?.refused).toContain('_FILE')
  })
})

test.each(['LOCKGATE_DRAIN', 'LOCKGATE_DELAY', 'LOCKGATE_KEEP_ALIVE'])(
  '%s is refused if no timer can wait for so long',
  async (name) => {
    expect(await problems({ ...BASE, [name]: '2147484' })).toEqual([
      `${name}: expected seconds, from 0 to 2147483`,
    ])
    await expect(read({ ...BASE, [name]: '2147483' })).resolves.toBeDefined()
  },
)

test('everything that is wrong is said at once, each by its place', async () => {
  await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ refreshGrace: -1, scopess: {} }))
  await writeFile(join(folder, '.env'), 'LOCKGATE_ACCESS_TOKEN_TTL=soon\n')
  const lines = await problems(
    { ...BASE, LOCKGATE_UPSTREAM_CLIENT_ID: '', LOCKGATE_ALLOWED: 'x', PORT: 'x' },
    { LOCKGATE_CODE_TTL: 'x' },
  )
  const joined = lines.join('\n')
  for (const text of [
    'lockgate.config.json: refreshGrace: ',
    'lockgate.config.json: scopess: is not an option',
    'LOCKGATE_ACCESS_TOKEN_TTL in .env: expected a whole number',
    'LOCKGATE_UPSTREAM_CLIENT_ID: is missing',
    'LOCKGATE_ALLOWED: is not a setting',
    'PORT: expected a number',
    '--code-ttl: expected a whole number',
  ]) {
    expect(joined).toContain(text)
  }
})

describe('a config file that cannot be read is named with the place', () => {
  test.each<[string, string, string]>([
    [
      'lockgate.config.json',
      '{\n  "url": "canary",\n}',
      'lockgate.config.json, line 3, column 1: is not valid JSON: remove the comma before it',
    ],
    [
      'lockgate.config.json',
      '{\n  // canary\n  "a": 1 }',
      'lockgate.config.json, line 2, column 3: is not valid JSON: JSON has no comments',
    ],
    [
      'lockgate.config.json',
      '{ "secret": "canary", oops: 1 }',
      'lockgate.config.json, line 1, column 23: is not valid JSON',
    ],
    [
      'lockgate.config.json',
      '{ "secret": "canary"',
      'lockgate.config.json, line 1, column 21: is not valid JSON: the text ends too early',
    ],
    ['lockgate.config.json', '["canary"]', 'lockgate.config.json: expected one object of options'],
    [
      'lockgate.config.ts',
      "export default {\n  url: 'canary',\n  mcp = 3,\n}",
      'lockgate.config.ts, line 3, column 7: Invalid shorthand property initializer.',
    ],
    ['lockgate.config.mjs', "throw new Error('no such thing')", 'lockgate.config.mjs: no such thing'],
    ...['export const name = 3', '', 'export default undefined', 'export const options = {}'].map(
      (text): [string, string, string] => [
        'lockgate.config.ts',
        text,
        'lockgate.config.ts: has no default export; write export default { … } with the options',
      ],
    ),
    [
      'lockgate.config.js',
      'export default 3',
      'lockgate.config.js: expected an object of options as default export',
    ],
  ])('%s: %j', async (name, text, line) => {
    await writeFile(join(folder, name), text)
    const lines = await problems({ ...BASE, LOCKGATE_ALLOWED: 'x', LOCKGATE_MCP: undefined })
    expect(lines).toContain(line)
    expect(lines.join(), 'what else is wrong is said too').toContain('LOCKGATE_ALLOWED')
    expect(lines.join(), 'the file may have it').not.toContain('LOCKGATE_MCP: is missing')
    expect(lines.join()).not.toContain('canary')
  })

  test('that does not exist', async () => {
    expect(await problems(BASE, { LOCKGATE_CONFIG: 'none.ts' })).toEqual([
      '--config: there is no file none.ts',
    ])
  })
})

describe('a flag wins over the environment, that over .env, and that over the config file', () => {
  test('for single values', async () => {
    const file = {
      url: 'http://localhost:1',
      name: 'file',
      codeTtl: 11,
      accessTokenTtl: 11,
      mcp: 'http://file:1/mcp',
    }
    await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ ...file, refreshGrace: 11 }))
    await writeFile(
      join(folder, '.env'),
      'LOCKGATE_URL=http://localhost:2\nLOCKGATE_CODE_TTL=22\nLOCKGATE_NAME=dot-env\n',
    )
    const env = {
      ...BASE,
      LOCKGATE_URL: 'http://localhost:3',
      LOCKGATE_CODE_TTL: '33',
      LOCKGATE_MCP: undefined,
    }
    const { options, from } = await read(env, { LOCKGATE_URL: 'http://localhost:4' })
    expect(options).toMatchObject({
      url: 'http://localhost:4',
      codeTtl: 33,
      name: 'dot-env',
      refreshGrace: 11,
      mcp: 'http://file:1/mcp',
    })
    expect(Object.fromEntries(from)).toMatchObject({
      url: '--url',
      codeTtl: 'LOCKGATE_CODE_TTL',
      name: 'LOCKGATE_NAME in .env',
      refreshGrace: 'lockgate.config.json',
      mcp: 'lockgate.config.json',
      upstream: 'LOCKGATE_UPSTREAM',
    })
  })

  test('for one member of an object, without losing the others', async () => {
    await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ limits: { address: 7, user: 7 } }))
    const { options } = await read({ ...BASE, LOCKGATE_LIMITS_USER: '9' })
    expect(options.limits).toEqual({ address: 7, user: 9 })
  })

  test('for the path of the MCP server of the file', async () => {
    await writeFile(join(folder, 'lockgate.config.json'), JSON.stringify({ mcp: 'http://file:1/mcp' }))
    const { options } = await read({ ...BASE, LOCKGATE_MCP: undefined, LOCKGATE_MCP_PATH: '/other' })
    expect(options.mcp).toEqual({ url: 'http://file:1/mcp', path: '/other' })
  })

  test('for provider, storage and allowed users', async () => {
    await writeFile(
      join(folder, 'lockgate.config.mjs'),
      `export default {
        upstream: { login: '/login', name: 'of the file' },
        storage: { consistency: 'atomic', get() {}, set() {}, swap() {}, delete() {}, keys() {} },
        allow: ['@file.example'],
      }`,
    )
    const own = await read({
      LOCKGATE_MCP: BASE.LOCKGATE_MCP,
      LOCKGATE_SECRET: 'q0Zs8V1xTnB4kLr7Wm2dYc9JfHu3EoPaGiSv6XtQbNz',
    })
    expect(own.options).toMatchObject({ upstream: { name: 'of the file' }, allow: ['@file.example'] })
    expect(own.storage).toBeUndefined()
    const { options, storage } = await read({ ...BASE, LOCKGATE_ALLOW: '@env.example' })
    expect(options).toMatchObject({ upstream: { id: 'oidc' }, allow: ['@env.example'] })
    expect(storage).toBe('memory:')
  })
})

const MEMORY = { LOCKGATE_DANGEROUSLY_ALLOW_MEMORY_STORAGE: 'true' }

describe('a value may be in a file', () => {
  const secret = '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4'

  test.each(['\n', '\r\n', ''])('without its last line break (%j)', async (end) => {
    await writeFile(join(folder, 'secret'), secret + end)
    await writeFile(join(folder, 'client'), `client secret${end}`)
    const { options, from } = await read({
      ...BASE,
      LOCKGATE_SECRET_FILE: join(folder, 'secret'),
      LOCKGATE_UPSTREAM_CLIENT_SECRET_FILE: 'client',
    })
    expect(options).toMatchObject({ secret: [secret], upstream: { clientSecret: 'client secret' } })
    expect(from.get('secret')).toBe('LOCKGATE_SECRET_FILE')
  })

  test('that an editor of Windows wrote', async () => {
    await writeFile(join(folder, 'secret'), `\ufeff${secret}\r\n`)
    expect((await read({ ...BASE, LOCKGATE_SECRET_FILE: 'secret' })).options).toMatchObject({
      secret: [secret],
    })
  })

  test('of any setting', async () => {
    await writeFile(join(folder, 'allow'), '@example.com\n')
    expect((await read({ ...BASE, LOCKGATE_ALLOW_FILE: 'allow' })).options.allow).toEqual(['@example.com'])
  })

  test('of PORT and HOST too', async () => {
    await writeFile(join(folder, 'port'), '8790\n')
    await writeFile(join(folder, 'host'), '127.0.0.2\n')
    const { listen } = await read({ ...BASE, PORT_FILE: 'port', HOST_FILE: 'host' })
    expect(listen).toMatchObject({ port: 8790, hostname: '127.0.0.2' })
    expect(await problems({ ...BASE, PORT_FILE: 'none' })).toContain(
      'PORT_FILE: its file cannot be read (ENOENT)',
    )
    expect(await problems({ ...BASE, HOST_FILE: 'host', HOST: '127.0.0.1' })).toEqual([
      'HOST and HOST_FILE: set one of the two',
    ])
  })

  test.each(['\n', '\r\n'])('of secrets that are not separated by commas is refused (%j)', async (end) => {
    await writeFile(join(folder, 'secret'), `${secret}${end}${secret}${end}`)
    expect(await problems({ ...BASE, LOCKGATE_SECRET_FILE: 'secret' })).toEqual([
      'LOCKGATE_SECRET_FILE: has a line break inside; separate several secrets with commas, the newest first',
    ])
    await writeFile(join(folder, 'secret'), `${secret},${end}${secret}x${end}`)
    const lines = await problems({ ...BASE, LOCKGATE_SECRET_FILE: 'secret' })
    expect(lines.join()).toContain('LOCKGATE_SECRET_FILE: has a line break inside')
  })

  test('and a line break at the end of a variable is dropped as well', async () => {
    const { options } = await read({ ...BASE, LOCKGATE_UPSTREAM_CLIENT_SECRET: 'client secret\n' })
    expect(options.upstream).toMatchObject({ clientSecret: 'client secret' })
  })

  test('that is missing, empty or given beside the variable is an error', async () => {
    await writeFile(join(folder, 'empty'), '\n')
    await writeFile(join(folder, 'secret'), secret)
    const missing = await problems({ ...BASE, LOCKGATE_SECRET_FILE: 'none' })
    expect(missing).toContain('LOCKGATE_SECRET_FILE: its file cannot be read (ENOENT)')
    const empty = await problems({ ...BASE, LOCKGATE_SECRET_FILE: 'empty' })
    expect(empty).toContain('LOCKGATE_SECRET_FILE: its file is empty')
    const both = await problems({ ...BASE, LOCKGATE_SECRET_FILE: 'secret', LOCKGATE_SECRET: secret })
    expect(both).toEqual(['LOCKGATE_SECRET and LOCKGATE_SECRET_FILE: set one of the two'])
  })

  test.each(['before', 'after'])(
    'beside an empty variable, which counts as absent (%s it)',
    async (order) => {
      await writeFile(join(folder, 'secret'), secret)
      const [empty, file] = [{ LOCKGATE_SECRET: '' }, { LOCKGATE_SECRET_FILE: 'secret' }]
      const both = order === 'before' ? { ...empty, ...file } : { ...file, ...empty }
      const { options, from } = await read({
        ...BASE,
        LOCKGATE_URL: 'https://mcp.example.com',
        ...both,
        ...MEMORY,
      })
      expect(options.secret).toEqual([secret])
      expect(from.get('secret')).toBe('LOCKGATE_SECRET_FILE')
      await writeFile(
        join(folder, '.env'),
        Object.keys(both)
          .map((name) => `${name}=${name in file ? 'secret' : ''}`)
          .join('\n'),
      )
      expect((await read(BASE)).options.secret).toEqual([secret])
    },
  )

  test.each(['SECRET', 'UPSTREAM_CLIENT_ID', 'UPSTREAM_ISSUER', 'UPSTREAM', 'MCP'])(
    'that is wrong is one line: nothing calls LOCKGATE_%s missing as well',
    async (name) => {
      await writeFile(join(folder, 'empty'), '\ufeff\n')
      const given = { ...BASE, LOCKGATE_URL: 'https://mcp.example.com', LOCKGATE_SECRET: secret, ...MEMORY }
      const { [`LOCKGATE_${name}`]: _, ...rest } = given as Record<string, string>
      for (const [file, problem] of [
        ['none', 'its file cannot be read (ENOENT)'],
        ['empty', 'its file is empty'],
      ] as const) {
        const lines = await problems({ ...rest, [`LOCKGATE_${name}_FILE`]: file })
        expect(
          lines.filter((line) => line.includes(`LOCKGATE_${name}`) && !line.includes('has no such')),
        ).toEqual([`LOCKGATE_${name}_FILE: ${problem}`])
        expect(lines.join()).not.toContain('is missing')
      }
    },
  )

  test('of the environment wins over the variable in .env', async () => {
    await writeFile(join(folder, '.env'), 'LOCKGATE_NAME=dot-env\n')
    await writeFile(join(folder, 'name'), 'of the file\n')
    expect((await read({ ...BASE, LOCKGATE_NAME_FILE: 'name' })).options.name).toBe('of the file')
  })
})

test('a secret that is made lies in the folder of the data, which git ignores', async () => {
  const env = { ...BASE, LOCKGATE_STORAGE: `fs:${join(folder, 'data')}` }
  const { options } = await read(env)
  const kept = await readFile(join(folder, 'data/lockgate-secret'), 'utf8')
  expect(options.secret).toBe(kept.trim())
  expect(await readFile(join(folder, 'data/.gitignore'), 'utf8')).toBe('*\n')
  expect((await read(env)).options.secret).toBe(kept.trim())
})

test('a start that fails keeps no secret', async () => {
  const env = { ...BASE, LOCKGATE_STORAGE: `fs:${join(folder, 'data')}` }
  await problems({ ...env, LOCKGATE_UPSTREAM_CLIENT_ID: '' })
  await expect(readFile(join(folder, 'data/lockgate-secret'), 'utf8')).rejects.toThrow('ENOENT')
})

test('a missing secret at a public address is told with the file of an earlier start, if there is one', async () => {
  const env = { ...BASE, LOCKGATE_STORAGE: `fs:${join(folder, 'data')}` }
  const at = { ...env, LOCKGATE_URL: 'https://mcp.example.com' }
  expect(await problems(at)).toEqual(['LOCKGATE_SECRET: is missing; `npx lockgate secret` makes one'])
  await read(env)
  const file = join(folder, 'data/lockgate-secret')
  expect((await problems(at))[0]).toContain(`set LOCKGATE_SECRET_FILE=${file}`)
  expect(await read({ ...at, LOCKGATE_SECRET_FILE: file })).toBeDefined()
})

test('a missing client id or secret is told with where to write it and where to get it', async () => {
  const google = { LOCKGATE_UPSTREAM: 'google', LOCKGATE_MCP: BASE.LOCKGATE_MCP, LOCKGATE_STORAGE: 'memory:' }
  await writeFile(join(folder, '.env'), 'LOCKGATE_UPSTREAM_CLIENT_ID=\n')
  const [id, secret] = await problems(google)
  expect(id).toMatch(
    /^LOCKGATE_UPSTREAM_CLIENT_ID: is missing; write the client id of the application .* at Google in \.env; see https:/,
  )
  expect(secret).toMatch(
    /^LOCKGATE_UPSTREAM_CLIENT_SECRET: is missing; write the client secret .* in \.env or in the environment/,
  )
})

test('a number is told with what it counts, and the entry of a list from 1', async () => {
  expect(await problems({ ...BASE, LOCKGATE_TRUST_PROXY: 'true' })).toEqual([
    'LOCKGATE_TRUST_PROXY: expected a whole number, such as 1 for one proxy in front',
  ])
  expect(await problems({ ...BASE, LOCKGATE_REFRESH_TTL: '30d' })).toEqual([
    'LOCKGATE_REFRESH_TTL: expected a whole number of seconds, such as 60',
  ])
  expect(await problems({ ...BASE, LOCKGATE_ALLOW: '@example.com,acme' })).toEqual([
    expect.stringMatching(/^allow\.1 \(LOCKGATE_ALLOW, entry 2\): expected user@/),
  ])
})

test('a missing provider is told with --dev and the variables', async () => {
  const [line] = await problems({ LOCKGATE_MCP: BASE.LOCKGATE_MCP, LOCKGATE_STORAGE: 'memory:' })
  expect(line).toMatch(/^LOCKGATE_UPSTREAM: is missing; .*github or oidc.*--dev/)
})

test('a secret that an earlier version kept beside the data is still used', async () => {
  await writeFile(join(folder, 'lockgate-secret'), '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4\n')
  const { options } = await read({ ...BASE, LOCKGATE_STORAGE: `fs:${join(folder, 'data')}` })
  expect(options.secret).toBe('7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4')
})

describe('a line of .env that is meant for Lockgate, but cannot be read, is named', () => {
  test.each<[string, string]>([
    ['LOCKGATE_NAME Example', '.env, line 2: expected LOCKGATE_NAME=value'],
    ['LOCKGATE_NAME: Example', '.env, line 2: expected LOCKGATE_NAME=value'],
    ['export LOCKGATE_NAME', '.env, line 2: expected LOCKGATE_NAME=value'],
    ['LOCKGATE_NAME=Example', '.env, line 2: is not read, because a line before it has no ='],
    [
      'A=1\nLOCKGATE_NAME=\u201cExample\u201d',
      'LOCKGATE_NAME in .env: begins with a typographic quotation mark; use " instead',
    ],
  ])('%s', async (line, expected) => {
    await writeFile(join(folder, '.env'), `OTHER\n${line}\n`)
    expect(await problems(BASE)).toContain(expected)
  })

  test.each([
    'export LOCKGATE_NAME="Example"\r',
    "LOCKGATE_NAME = 'Example' # a comment",
    '# LOCKGATE_NAME off',
  ])('but %s is fine', async (line) => {
    await writeFile(join(folder, '.env'), `${line}\n`)
    await expect(read(BASE)).resolves.toBeDefined()
  })
})

test('a .env that cannot be read is an error', async () => {
  await writeFile(join(folder, '.env'), 'LOCKGATE_NAME=x\n')
  await chmod(join(folder, '.env'), 0)
  if (process.getuid?.() === 0) return
  expect(await problems(BASE)).toContain('.env: cannot be read (EACCES)')
})

test('an empty folder leads to init and to a trial, and names no variable', async () => {
  const lines = await problems({})
  expect(lines.join('\n')).toContain('npx lockgate init')
  expect(lines.join('\n')).toContain('npx lockgate serve --dev --mcp')
  expect(lines.join('\n')).not.toContain('LOCKGATE_')
})

test('a storage that cannot be used is said once, and no secret is kept beside it', async () => {
  await writeFile(join(folder, 'file'), '')
  const at = join(folder, 'file')
  expect(await problems({ ...BASE, LOCKGATE_STORAGE: `fs:${at}` })).toEqual([
    `LOCKGATE_STORAGE: cannot write to ${at} (ENOTDIR): it must be a folder that this user may write to`,
  ])
})

describe('settings of serve --dev are enough for grants', () => {
  const readStored = (env: Record<string, string>) =>
    readSettings(env as NodeJS.ProcessEnv, folder, { storageOnly: true })

  test('by the folder that it made, or by the storage that is named', async () => {
    await expect(readStored({})).rejects.toThrow('There is no configuration in this folder')
    expect((await readStored({ LOCKGATE_STORAGE: `fs:${join(folder, 'own')}` })).storage).toContain('/own')
    const dev = { LOCKGATE_UPSTREAM: 'dev', LOCKGATE_MCP: BASE.LOCKGATE_MCP }
    const base = join(folder, '.lockgate/data')
    await mkdir(base, { recursive: true })
    await read({ ...dev, LOCKGATE_STORAGE: `fs:${base}` })
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
    expect((await readStored({})).storage).toBe('fs:.lockgate/data')
  })
})

describe('the provider dev', () => {
  const env = { LOCKGATE_UPSTREAM: 'dev', LOCKGATE_MCP: BASE.LOCKGATE_MCP, LOCKGATE_STORAGE: 'memory:' }

  test('needs nothing else', async () => {
    expect((await read(env)).options.upstream).toMatchObject({ development: true })
  })

  test('is refused with a public URL, and where the network reaches it', async () => {
    const secret = '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4'
    const open = { LOCKGATE_URL: 'https://mcp.example.com', LOCKGATE_SECRET: secret }
    expect((await problems({ ...env, ...open })).join()).toContain('for development')
    expect((await problems({ ...env, HOST: '0.0.0.0' })).join()).toContain('HOST: the provider dev')
  })
})

describe('the config file', () => {
  test('is one: with two of the usual names, neither is chosen', async () => {
    await writeFile(join(folder, 'lockgate.config.json'), '{"mcp":"http://127.0.0.1:3000/mcp"}')
    await writeFile(join(folder, 'lockgate.config.mjs'), 'export default {}')
    expect(await problems(BASE)).toContain(
      'There are lockgate.config.mjs and lockgate.config.json: remove all but one, or name one with --config',
    )
    const { file } = await read(BASE, { LOCKGATE_CONFIG: 'lockgate.config.json' })
    expect(file).toBe(join(folder, 'lockgate.config.json'))
  })

  test('that is named and missing is the problem, also if nothing else is set', async () => {
    const lines = await problems({}, { LOCKGATE_CONFIG: 'nope.json' })
    expect(lines).toContain('--config: there is no file nope.json')
    expect(lines.join()).not.toContain('There is no configuration')
  })
})

test('an empty folder says what to do next, a line each', async () => {
  expect(await problems({})).toEqual([
    'There is no configuration in this folder.',
    'To write one: npx lockgate init',
    'To try Lockgate without a provider: npx lockgate serve --dev --mcp http://localhost:3000/mcp',
  ])
})
