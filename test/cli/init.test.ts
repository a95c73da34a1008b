import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KNOWN_ISSUERS } from '../../adapters/cli/configuration/known-issuers.ts'
import { PROVIDERS, readUpstream } from '../../adapters/cli/configuration/providers.ts'
import { CONSOLES } from '../../adapters/cli/init/consoles.ts'
import { runCommand } from '../support/command.ts'

const root = new URL('../..', import.meta.url).pathname

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-init-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const OIDC = [
  '--provider',
  'oidc',
  '--issuer',
  'https://id.example.com',
  '--mcp',
  'http://localhost:3000/mcp',
]
const init = (...args: string[]) => runCommand(folder, ['init', ...args])
const read = (name: string) => readFile(join(folder, name), 'utf8')

describe('without a terminal', () => {
  test.each<[string, string[], string[]]>([
    ['nothing given', [], ['--provider: is missing; expected one of', '--mcp: is missing']],
    ['what the provider needs', ['--provider', 'oidc', '--mcp', 'http://x/mcp'], ['--issuer: is missing']],
    [
      'wrong values, all at once',
      [
        ...['--provider', 'microsoft', '--tenant', 'a b', '--mcp', 'localhost'],
        ...['--url', 'http://mcp.example.com', '--runtime', 'perl', '--client', 'telnet'],
      ],
      [
        '--tenant: expected a tenant',
        '--mcp: expected the http(s) URL',
        '--url: expected an https URL',
        '--runtime: expected one of node',
        '--client: expected one of claude-code',
      ],
    ],
    [
      'a storage the runtime has not',
      [...OIDC, '--runtime', 'workers', '--storage', 'fs:data'],
      [
        '--storage: cannot be used there; the usual one is durable-object, which is all that init writes; for Workers KV',
      ],
    ],
    [
      'a storage the runtime has not, with those that it has',
      [...OIDC, '--runtime', 'bun', '--storage', 'deno-kv:'],
      [
        '--storage: cannot be used there; the usual one is fs:.lockgate/data; expected one of memory:, fs:, sqlite:',
      ],
    ],
  ])('%s is named by its flag, and nothing is written', async (_name, args, expected) => {
    const { code, err } = await init(...args)
    expect(code).toBe(1)
    for (const line of expected) expect(err).toContain(line)
    expect(await readdir(folder)).toEqual([])
  })

  test('a flag of another provider is none', async () => {
    const { code, err } = await init('--provider', 'github', '--tenant', 'x', '--mcp', 'http://x/mcp')
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('There is no flag --tenant') })
  })

  test('--help shows what the provider needs', async () => {
    const { out } = await init('--provider', 'cognito', '--help')
    expect(out).toContain('--user-pool')
    for (const name of [...Object.keys(PROVIDERS), 'inspector', 'workers']) expect(out).toContain(name)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  })
})

describe('what it writes', () => {
  test('keeps the secret to its owner and out of git', async () => {
    await mkdir(join(folder, '.git'))
    const { code, out } = await init(...OIDC)
    expect(code).toBe(0)
    expect((await stat(join(folder, '.env'))).mode & 0o077).toBe(0)
    expect(await read('.gitignore')).toBe('.env\n.env.bak*\n.lockgate\n')
    const secret = /^LOCKGATE_SECRET=([\w-]{43})$/m.exec(await read('.env'))?.[1]
    expect(secret).toBeDefined()
    expect(out).not.toContain(secret)
    expect(await read('lockgate.config.ts')).not.toContain(secret)
  })

  test('says what is left: the callback URL, the empty variables, the start, the client', async () => {
    const { out } = await init(...OIDC, '--url', 'https://mcp.example.com/gate', '--client', 'cursor')
    const texts = [
      'https://mcp.example.com/gate/callback',
      'https://openid.net/specs/',
      'LOCKGATE_UPSTREAM_CLIENT_ID',
      'LOCKGATE_UPSTREAM_CLIENT_SECRET',
      'npx lockgate serve',
      'LOCKGATE_TRUST_PROXY=1',
      '"url": "https://mcp.example.com/gate/mcp"',
    ]
    const places = texts.map((text) => out.indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  test('a Worker with a public address is not started at a local one', async () => {
    const worker = ['--provider', 'github', '--mcp', 'https://in.example.com/mcp', '--runtime', 'workers']
    const { out } = await init(...worker, '--url', 'https://mcp.example.com')
    expect(out).toContain('npx wrangler deploy')
    expect(out).not.toContain('wrangler dev')
  })

  test('names the page where the provider registers applications, if all its customers have the same', async () => {
    const { out } = await init('--provider', 'github', '--mcp', 'http://x/mcp')
    expect(out).toContain('https://github.com/settings/developers\n')
    for (const [name, url] of Object.entries(CONSOLES)) {
      expect(Object.keys(PROVIDERS), name).toContain(name)
      expect(new URL(url).protocol, name).toBe('https:')
    }
  })

  test.each<[string, string[], string]>([
    ['authelia', ['--issuer', 'https://auth.acme.example'], 'https://auth.acme.example'],
    ['casdoor', ['--issuer', 'https://door.acme.example'], 'https://door.acme.example'],
    [
      'duo',
      ['--subdomain', 'sso-abc1def2', '--client-id', 'DIABC123'],
      'https://sso-abc1def2.sso.duosecurity.com/oidc/DIABC123',
    ],
    ['frontegg', ['--subdomain', 'app-x'], 'https://app-x.frontegg.com'],
    ['fusionauth', ['--issuer', 'https://acme.fusionauth.io'], 'https://acme.fusionauth.io'],
    ['jumpcloud', [], 'https://oauth.id.jumpcloud.com/'],
    ['kinde', ['--subdomain', 'acme'], 'https://acme.kinde.com'],
    ['logto', ['--tenant', 'abc123'], 'https://abc123.logto.app/oidc'],
    ['onelogin', ['--subdomain', 'acme'], 'https://acme.onelogin.com/oidc/2'],
    ['ory', ['--slug', 'acme-1'], 'https://acme-1.projects.oryapis.com'],
    [
      'pingone',
      ['--environment-id', '11111111-2222-4333-8444-555555555555', '--region', 'eu'],
      'https://auth.pingone.eu/11111111-2222-4333-8444-555555555555/as',
    ],
    [
      'pingone',
      ['--environment-id', '11111111-2222-4333-8444-555555555555'],
      'https://auth.pingone.com/11111111-2222-4333-8444-555555555555/as',
    ],
    ['propelauth', ['--issuer', 'https://auth.acme.example'], 'https://auth.acme.example'],
  ])('%s %j is oidc with its issuer', async (provider, flags, issuer) => {
    const { code, out, err } = await init('--provider', provider, ...flags, '--mcp', 'http://x/mcp')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const variables = parseEnv(await read('.env'))
    const { name, docs } = KNOWN_ISSUERS[provider]!
    expect(variables).toMatchObject({
      LOCKGATE_UPSTREAM: 'oidc',
      LOCKGATE_UPSTREAM_ISSUER: issuer,
      LOCKGATE_UPSTREAM_NAME: name,
    })
    expect(out).toContain(`Register an application at ${name}`)
    expect(out).toContain(docs)
    expect((await readUpstream({ ...variables, LOCKGATE_UPSTREAM_CLIENT_ID: 'c' })).name).toBe(name)
  })

  test('a provider that is known by its issuer needs every part of it', async () => {
    const given = async (...args: string[]) => (await init(...args, '--mcp', 'http://x/mcp')).err
    expect(await given('--provider', 'duo', '--subdomain', 'sso-1')).toContain('--client-id: is missing')
    expect(await given('--provider', 'pingone')).toContain('--environment-id: is missing')
    expect(await given('--provider', 'ory', '--slug', 'a/b')).toContain('--slug: expected one part of a host')
    expect(await readdir(folder)).toEqual([])
  })

  test('--force replaces the issuer that an earlier flag gave', async () => {
    await init('--provider', 'kinde', '--subdomain', 'one', '--mcp', 'http://x/mcp')
    await init('--provider', 'kinde', '--subdomain', 'two', '--mcp', 'http://x/mcp', '--force')
    expect(parseEnv(await read('.env')).LOCKGATE_UPSTREAM_ISSUER).toBe('https://two.kinde.com')
  })

  test('their names are no value of LOCKGATE_UPSTREAM, and the message says what is', async () => {
    const problem = await readUpstream({ LOCKGATE_UPSTREAM: 'pingone' }).catch((error: Error) => error)
    expect((problem as Error).message).toContain(
      'set it to oidc, and LOCKGATE_UPSTREAM_ISSUER to https://auth',
    )
  })

  test('asks for those who may sign in where everybody has an account', async () => {
    await init('--provider', 'github', '--mcp', 'http://x/mcp', '--url', 'https://mcp.example.com')
    expect(await read('.env')).toContain('\nLOCKGATE_ALLOW=\n')
    const { code, err } = await runCommand(folder, ['serve'])
    expect(code).toBe(1)
    expect(err).toContain('LOCKGATE_UPSTREAM_CLIENT_ID: is missing')
  })

  test('replaces nothing unless it must; then it keeps the secret, and lines that are not its own', async () => {
    await writeFile(join(folder, '.env'), 'OTHER="mine"\n')
    const refused = await init(...OIDC)
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('.env: is there already; --force')
    expect(await readdir(folder)).toEqual(['.env'])
    expect((await init(...OIDC, '--force')).code).toBe(0)
    const first = await read('.env')
    expect(first).toMatch(/^OTHER="mine"\n/)
    expect((await stat(join(folder, '.env'))).mode & 0o077).toBe(0)
    const again = await init(...OIDC, '--force', '--client-id', "it's #1", '--storage', 'memory:')
    expect(again.code).toBe(0)
    const second = await read('.env')
    const secretOf = (text: string) => /^LOCKGATE_SECRET=.*$/m.exec(text)?.[0]
    expect(secretOf(second)).toBe(secretOf(first))
    expect(second).toContain('LOCKGATE_UPSTREAM_CLIENT_ID="it\'s #1"\n')
    expect(second.match(/^LOCKGATE_STORAGE=/gm)).toHaveLength(1)
    // Without the flags, what was filled in stays.
    expect((await init(...OIDC, '--force')).code).toBe(0)
    const third = await read('.env')
    expect(third).toContain('LOCKGATE_UPSTREAM_CLIENT_ID="it\'s #1"\n')
    expect(secretOf(third)).toBe(secretOf(first))
    const backups = (await readdir(folder)).filter((file) => /^\.env\.bak/.test(file))
    expect(backups.length).toBeGreaterThan(0)
    for (const file of backups) expect((await stat(join(folder, file))).mode & 0o077).toBe(0)
  })
})

/** What TypeScript has against files, with `lockgate` as this source has it. */
function typeErrors(files: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const program = ts.createProgram([...files], {
    ...options,
    noEmit: true,
    typeRoots: [join(root, 'node_modules/@types')],
  })
  return files
    .flatMap((file) => {
      const source = program.getSourceFile(file)
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    })
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}

test('the code it writes is right as TypeScript, for every provider and runtime', {
  timeout: 120_000,
}, async () => {
  const inputs: Record<string, string> = {
    'team-id': 'ABCDE12345',
    'key-id': 'ABCDE12345',
    'private-key': '-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----',
    domain: 'id.example.com',
    tenant: 'example',
    'base-url': 'https://id.example.com',
    application: 'app',
    realm: 'realm',
    policy: 'B2C_1_signin',
    region: 'eu-central-1',
    'user-pool': 'eu-central-1_abc',
    project: 'abcdefghijklmnopqrst',
    subdomain: 'example',
    shop: 'example',
    team: 'example',
    host: 'acme.service-now.com',
    issuer: 'https://id.example.com',
    'authorization-endpoint': 'https://id.example.com/authorize',
    'token-endpoint': 'https://id.example.com/token',
    'userinfo-endpoint': 'https://id.example.com/me',
  }
  const GUID = '11111111-2222-4333-8444-555555555555'
  const stores: Record<string, string[]> = {
    node: ['fs:data'],
    bun: ['fs:data', 'sqlite:a.db', 'redis://h', 'postgres://u@h/d', 'memory:'],
    deno: ['deno-kv:', 'fs:'],
    workers: ['durable-object'],
  }
  const files: string[] = []
  const write = async (provider: string, runtime: string, storage: string) => {
    const place = join(folder, String(files.length))
    await mkdir(place)
    const flags = [
      '--provider',
      provider,
      '--mcp',
      "http://it's/mcp",
      '--runtime',
      runtime,
      '--storage',
      storage,
    ]
    const { definition } = await PROVIDERS[provider]!()
    for (const [name, input] of Object.entries(definition.inputs ?? {})) {
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      const value = provider === 'microsoft-external' && flag === 'tenant' ? GUID : inputs[flag]
      if (input.required) flags.push(`--${flag}=${value}`)
    }
    const args = ['init', ...flags, '--allow', '@example.com, sub:"a\\b\'']
    // One after the other, in this thread: fifty processes at once help nobody.
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli.js'), ...args], {
      cwd: place,
    })
    expect(status, `${provider}: ${stderr}`).toBe(0)
    for (const name of await readdir(place)) if (name.endsWith('.ts')) files.push(join(place, name))
  }
  for (const provider of Object.keys(PROVIDERS)) await write(provider, 'workers', 'durable-object')
  for (const [runtime, all] of Object.entries(stores)) {
    for (const storage of all) await write('github', runtime, storage)
  }
  expect(files).toHaveLength(Object.keys(PROVIDERS).length + 9)
  // One that is wrong, or nobody would know that anything is looked at.
  const wrong = join(folder, 'wrong.ts')
  await writeFile(wrong, (await readFile(files[0]!, 'utf8')).replace('mcp:', 'mpc:'))
  const errors = typeErrors([...files, wrong])
  expect(errors.filter((error) => !error.startsWith(wrong))).toEqual([])
  expect(errors.join()).toContain("'mcp' is missing")
})
