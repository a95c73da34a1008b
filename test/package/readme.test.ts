import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Auth } from 'lockgate'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { readUpstream } from '../../adapters/cli/configuration/providers.ts'
import { readSettings } from '../../adapters/cli/configuration/settings.ts'
import { doctorToken } from '../../adapters/cli/doctor/command.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { forward } from '../../src/forward/forward.ts'
import { COMMAND, withTables } from './write-readme.ts'

const root = new URL('../..', import.meta.url).pathname
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
const readme = read('README.md')

interface Snippet {
  /** Where it begins, for messages. */
  readonly place: string
  readonly code: string
}

/** The fenced blocks of one language. */
function snippetsOf(document: string, language: string): Snippet[] {
  const text = read(document)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => ({
    place: `${document}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1]!,
  }))
}

const everySnippet = (language: string) => DOCUMENTS.flatMap((document) => snippetsOf(document, language))

/** A document without its code blocks. */
const prose = (document: string) => read(document).replace(/^```[\s\S]*?^```$/gm, '')

function typeErrors(snippets: readonly Snippet[]): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  // One that begins with `// src/….ts` stands there, so that its relative imports mean what they say.
  const named = snippets.map(({ place, code }, index): [string, Snippet] => {
    const path = /^\/\/ ([\w/-]+\.ts)$/m.exec(code.split('\n', 1)[0]!)?.[1] ?? `snippet-${index}.ts`
    return [join(root, path), { place, code }]
  })
  const sources = new Map(named)
  const host = ts.createCompilerHost({ ...options, noEmit: true })
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (file) => sources.has(file) || fileExists(file)
  host.readFile = (file) => sources.get(file)?.code ?? readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const code = sources.get(file)?.code
    return code === undefined
      ? getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, code, version, true)
  }
  const program = ts.createProgram({
    rootNames: [...sources.keys()],
    options: { ...options, noEmit: true, moduleDetection: ts.ModuleDetectionKind.Force },
    host,
  })
  // Of the snippets only: the sources have a check of their own.
  const found = [...sources.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  })
  return [...program.getOptionsDiagnostics(), ...found].map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
    const place = file && sources.get(file.fileName)?.place
    return `${place} +${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

describe('the code in the documents', () => {
  test('is right as TypeScript', { timeout: 120_000 }, () => {
    const snippets = everySnippet('ts')
    expect(snippets.length).toBeGreaterThanOrEqual(3)
    // Among them the first once more but for one letter, or nobody would know that anything is looked at.
    const wrong = { place: 'misspelt', code: snippets[0]!.code.replace('mcp:', 'mpc:') }
    const errors = typeErrors([...snippets, wrong])
    expect(errors.filter((error) => !error.startsWith('misspelt'))).toEqual([])
    expect(errors.join()).toContain("'mpc' does not exist")
  })

  test('imports only what the package exports', () => {
    const exported = Object.keys(packageJson.exports).map((path) => path.replace(/^\./, 'lockgate'))
    const used = everySnippet('ts').flatMap(({ code }) =>
      [...code.matchAll(/from '(lockgate[^']*)'/g)].map((match) => match[1]),
    )
    const named = [...prose('README.md').matchAll(/`(lockgate\/[\w/-]+)`/g)].map((match) => match[1])
    expect(exported).toEqual(expect.arrayContaining([...used, ...named]))
  })

  test('sets up a GitHub sign-in in twelve lines or fewer', () => {
    const code = /<!-- github -->\s+```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    expect(code).toContain("from 'lockgate/providers/github'")
    expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(12)
  })

  test.each(everySnippet('json'))('is right as JSON at $place', ({ code }) => {
    expect(() => JSON.parse(code)).not.toThrow()
  })

  test('runs only scripts, files and commands that exist', async () => {
    const text = DOCUMENTS.map(read).join('\n')
    const all = (pattern: RegExp) => new Set([...text.matchAll(pattern)].map((match) => match[1]!))
    for (const script of all(/npm run ([\w:-]+)/g)) expect(packageJson.scripts).toHaveProperty([script])
    for (const file of all(/npx (?:tsx|vitest run) ([\w./-]+)/g))
      expect(existsSync(join(root, file)), file).toBe(true)
    const cli = (...args: string[]) =>
      promisify(execFile)(join(root, 'node_modules/.bin/tsx'), ['adapters/cli/main.ts', ...args], {
        cwd: root,
        env: { ...process.env, NO_COLOR: '1' },
      })
    const { stdout } = await cli('--help')
    const commands = /USAGE lockgate ([\w|]+)/.exec(stdout)?.[1]?.split('|')
    const used = all(/npx lockgate ([a-z]+)/g)
    expect(used.size).toBeGreaterThan(0)
    expect(commands).toEqual(expect.arrayContaining([...used]))
    const { stdout: flags } = await cli('serve', '--help')
    for (const flag of ['--log', '--config']) expect(readme.includes(flag) && flags.includes(flag)).toBe(true)
  })
})

describe('the tables of the README', () => {
  test(`agree with the options in the code; if not, run: ${COMMAND}`, () => {
    expect(readme === withTables(readme), `The tables are stale. Run: ${COMMAND}`).toBe(true)
  })

  test('name the variables that are read, all of them and no others', async () => {
    const known = await readUpstream({ LOCKGATE_UPSTREAM: '?' }).catch((error: Error) => error.message)
    const providers = /expected one of (.+)$/.exec(String(known))?.[1]?.split(', ') ?? []
    expect(providers.length).toBeGreaterThan(0)
    const folder = mkdtempSync(join(tmpdir(), 'lockgate-readme-'))
    const seen = new Set<string>()
    for (const provider of providers) {
      const env = new Proxy<NodeJS.ProcessEnv>(
        { LOCKGATE_UPSTREAM: provider, LOCKGATE_STORAGE: 'memory:', LOCKGATE_MCP: 'http://localhost:1/mcp' },
        {
          get(target, name) {
            seen.add(String(name))
            return target[String(name)]
          },
        },
      )
      doctorToken(env)
      await readSettings(env, folder).catch((error: Error) => expect(error.name).toBe('SettingsError'))
    }
    rmSync(folder, { recursive: true })
    const documented = new Set(readme.match(/\bLOCKGATE_[A-Z0-9_]+\b/g))
    expect([...documented].sort()).toEqual([...seen].filter((name) => name.startsWith('LOCKGATE_')).sort())
    for (const document of DOCUMENTS) {
      for (const name of read(document).match(/\bLOCKGATE_[A-Z0-9_]+\b/g) ?? []) expect(seen).toContain(name)
    }
  })

  test('name the headers that the MCP server receives', async () => {
    let sent = new Headers()
    const auth: Auth = {
      token: 'token',
      clientId: 'client',
      scopes: ['mcp'],
      expiresAt: 0,
      resource: new URL('https://mcp.example.com/mcp'),
      extra: { grant: 'grant' },
      user: { id: 'user', email: 'ada@example.com', emailVerified: true, name: 'Ada', claims: {} },
      upstream: { provider: 'github', accessToken: async () => 'upstream' },
    }
    const target = new URL('http://localhost:3000/mcp')
    const forwarding = {
      target,
      mode: 'identity',
      auth,
      clientName: 'C',
      origin: 'https://mcp.example.com',
    } as const
    await forward(new Request('https://mcp.example.com/mcp'), forwarding, async (_url, init) => {
      sent = new Headers(init.headers)
      return new Response()
    })
    const documented = new Set(
      [...readme.matchAll(/`(X-[\w-]+\w)`/g)].map((match) => match[1]!.toLowerCase()),
    )
    expect([...documented].sort()).toEqual([...sent.keys()].filter((name) => name.startsWith('x-')).sort())
  })

  test('name every type of event', () => {
    const source = read('src/events/event.ts')
    const union = /readonly type:([\s\S]*?)\/\*\*/.exec(source)?.[1] ?? ''
    const types = [...union.matchAll(/'([\w-]+)'/g)].map((match) => match[1]!)
    expect(types.length).toBeGreaterThan(5)
    const section = readme.slice(readme.indexOf('\n## Events'), readme.indexOf('\n## Security'))
    const cells = [...section.matchAll(/^\| (`.+?) \|/gm)].flatMap((row) => row[1]!.match(/[\w-]+/g) ?? [])
    expect(cells.sort()).toEqual(types.sort())
  })

  test('quote messages as the code has them', () => {
    const code = ['src', 'adapters'].flatMap(filesOf).map(read).join('\n')
    const rows = readme.slice(readme.indexOf('\n## Troubleshooting')).matchAll(/^\| `([^`]+)` \|/gm)
    const messages = [...rows].map((row) => row[1]!.replace(/^(LOCKGATE_SECRET|PORT): /, ''))
    expect(messages.length).toBeGreaterThan(5)
    for (const message of messages) expect(code.includes(message), message).toBe(true)
  })
})

/** GitHub's name for a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

const anchors = (document: string) =>
  [...prose(document).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!))

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file}`)
    .filter((file) => !file.includes('node_modules') && statSync(join(root, file)).isFile())
}

describe('the documents', () => {
  test.each(DOCUMENTS)('%s links to files and headings that exist', (document) => {
    for (const [, link] of prose(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:\/\//.test(link!)) continue
      const [path, anchor] = link!.split('#')
      const target = path ? resolve(root, dirname(document), path) : join(root, document)
      expect(existsSync(target), link).toBe(true)
      if (anchor) expect(anchors(target.slice(root.length)), link).toContain(anchor)
    }
  })

  test('lead from every threat to its attack', () => {
    const rows = [...read('SECURITY.md').matchAll(/^\| \[(T\d+)\]\(([^)]+)\) \|/gm)]
    expect(rows.map(([, id]) => id)).toEqual(Array.from({ length: 44 }, (_, index) => `T${index + 1}`))
    for (const [, id, file] of rows) expect(read(file!), `${id} in ${file}`).toMatch(new RegExp(`'${id}\\b`))
  })

  test('and the code speak of nothing outside this repository', () => {
    // Put together here, or this file would be the one that says them.
    const strange = [['..', 'shared'].join('/'), ['', 'work', ''].join('/'), ['issue', '#'].join(' ')]
    const files = [...DOCUMENTS, ...['src', 'adapters', 'test', 'examples'].flatMap(filesOf)]
    for (const file of files)
      for (const text of strange) expect(read(file).includes(text), `${file}: ${text}`).toBe(false)
  })
})
