import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { AuthFacts } from 'lockgate'
import { describe, expect, test } from 'vitest'
import { knownVariables } from '../../adapters/cli/configuration/known-variables.ts'
import { variablesOfAll } from '../../adapters/cli/configuration/providers.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { identityHeaders, requestHeaders } from '../../src/forward/request-headers.ts'
import { documents, GENERATED, snippetFiles, snippetsOf } from './snippets.ts'
import { COMMAND, generatedDocuments } from './write-reference.ts'

const root = new URL('../..', import.meta.url).pathname
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const DOCUMENTS = documents()
const readme = read('README.md')

const everySnippet = (language: string) => DOCUMENTS.flatMap((document) => snippetsOf(document, language))

/** A document without its code blocks. */
const prose = (document: string) => read(document).replace(/^```[\s\S]*?^```$/gm, '')

describe('the code in the documents', () => {
  test('is written to the folder that the type check reads', () => {
    const files = snippetFiles()
    expect(files.size).toBeGreaterThanOrEqual(4)
    expect(files.has('misspelt.ts')).toBe(true)
    for (const [name, text] of files) expect(readFileSync(join(GENERATED, name), 'utf8')).toBe(text)
  })

  test('imports only what the package exports', () => {
    const exported = Object.keys(packageJson.exports).map((path) => path.replace(/^\./, 'lockgate'))
    const used = everySnippet('ts').flatMap(({ code }) =>
      [...code.matchAll(/from '(lockgate[^']*)'/g)].map((match) => match[1]),
    )
    const named = [
      ...DOCUMENTS.map(prose)
        .join('\n')
        .matchAll(/`(lockgate\/[\w/-]+)`/g),
    ].map((match) => match[1])
    expect([...used, ...named].filter((name) => !exported.includes(name!))).toEqual([])
  })

  test('sets up a GitHub sign-in in twelve lines or fewer', () => {
    const code = /<!-- github -->\s+```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    expect(code).toContain("from 'lockgate/providers/github'")
    expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(12)
  })

  test.each(everySnippet('json'))('is right as JSON at $place', ({ code }) => {
    expect(() => JSON.parse(code)).not.toThrow()
  })
})

describe('the reference', () => {
  test.each([...generatedDocuments()])(`%s follows from the code; if not, run: ${COMMAND}`, (file, text) => {
    expect(read(file) === text, `${file} is stale. Run: ${COMMAND}`).toBe(true)
  })

  test('name the variables that are read, all of them and no others', async () => {
    const seen = new Set([...knownVariables(), ...(await variablesOfAll())])
    const reference = ['environment', 'options', 'providers', 'cli'].map((name) =>
      read(`docs/reference/${name}.md`),
    )
    const documented = new Set(reference.join('\n').match(/\bLOCKGATE_[A-Z0-9_]+(?<!_FILE)\b/g))
    expect([...documented].sort()).toEqual([...seen].sort())
    for (const document of DOCUMENTS) {
      for (const name of read(document).match(/\bLOCKGATE_[A-Z0-9_]+\b/g) ?? [])
        expect(seen).toContain(name.replace(/_FILE$/, ''))
    }
  })

  test('name the headers that the MCP server receives', async () => {
    const auth: AuthFacts = {
      token: 'token',
      clientId: 'client',
      scopes: ['mcp'],
      expiresAt: 0,
      resource: new URL('https://mcp.example.com/mcp'),
      extra: { grant: 'grant', clientName: 'Client' },
      user: {
        id: 'user',
        kind: 'person',
        email: 'ada@example.com',
        emailVerified: true,
        name: 'Ada',
        claims: {},
      },
      upstream: { provider: 'github', accessToken: async () => 'upstream' },
    }
    const identity = identityHeaders('identity', {
      auth,
      clientName: 'C',
      grant: 'grant',
      provider: 'github',
    })
    const told = {
      identity,
      authorization: undefined,
      session: undefined,
      address: '192.0.2.1',
      publicHost: 'mcp.example.com',
      publicScheme: 'https',
    }
    const sent = new Headers(requestHeaders(new Headers(), told))
    const documented = new Set(
      [...read('docs/reference/headers.md').matchAll(/^\| (`X-[^|]+) \|/gm)]
        .flatMap(([, cell]) => [...cell!.matchAll(/`(X-[\w-]+\w)`/g)])
        .map((match) => match[1]!.toLowerCase()),
    )
    expect([...documented].sort()).toEqual([...sent.keys()].filter((name) => name.startsWith('x-')).sort())
  })

  test('name every type of event', () => {
    const source = read('src/events/event.ts')
    const [, members = ''] = /interface EventMembers \{([\s\S]*?)\n\}/.exec(source) ?? []
    const types = [...members.matchAll(/^ {2}readonly '?([\w-]+)'?:/gm)].map((match) => match[1]!)
    expect(types.length).toBeGreaterThan(5)
    const cells = [...read('docs/reference/events.md').matchAll(/^\| (`.+?) \|/gm)].flatMap(
      (row) => row[1]!.match(/[\w-]+/g) ?? [],
    )
    expect(cells.sort()).toEqual(types.sort())
  })

  test('quote messages as the code has them', () => {
    const code = ['src', 'adapters'].flatMap(filesOf).map(read).join('\n')
    const rows = read('docs/help/troubleshooting.md').matchAll(/^\| `([^`]+)` \|/gm)
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
  test('are short: 220 lines for the README, 200 for every page that is not generated', () => {
    const generated = [...generatedDocuments().keys(), 'docs/reference/providers.md']
    const long = DOCUMENTS.filter((file) => file === 'README.md' || file.startsWith('docs/'))
      .filter((file) => !generated.includes(file))
      .filter((file) => read(file).split('\n').length > (file === 'README.md' ? 221 : 201))
    expect(long).toEqual([])
  })

  test.each(DOCUMENTS)('%s links to files and headings that exist', (document) => {
    for (const [, link] of prose(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:\/\//.test(link!)) continue
      const [path, anchor] = link!.split('#')
      const target = path ? resolve(root, dirname(document), path) : join(root, document)
      expect(existsSync(target), link).toBe(true)
      if (anchor) expect(anchors(target.slice(root.length)), link).toContain(anchor)
    }
  })

  test('of the package link only to files of the package', () => {
    const packed = [...packageJson.files, 'README.md', 'LICENSE']
    const isPacked = (file: string) => packed.some((one) => file === one || file.startsWith(`${one}/`))
    const links = DOCUMENTS.filter(isPacked).flatMap((document) =>
      [...prose(document).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
        .map(([, link]) => link!)
        .filter((link) => !/^(https|mailto):/.test(link))
        .map((link) => [document, resolve(root, dirname(document), link).slice(root.length)] as const),
    )
    expect(links.length).toBeGreaterThan(100)
    expect(links.filter(([, target]) => !isPacked(target))).toEqual([])
  })

  test('name the oldest Node that every package of a user accepts', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean; engines?: { node?: string } }>
    }
    const oldest = Object.entries(packages)
      .filter(([name, { dev, devOptional }]) => name !== '' && !dev && !devOptional)
      .map(([, { engines }]) => /^>=\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(engines?.node ?? ''))
      .map((match) => (match ?? []).slice(1, 4).map((part) => Number(part ?? 0)))
      .filter((version) => version.length === 3)
      .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!)
      .at(-1)!
      .join('.')
    expect(packageJson.engines.node).toBe(`>=${oldest}`)
    const short = oldest.replace(/\.0$/, '')
    for (const file of ['README.md', 'docs/deploy/node.md'])
      expect(read(file), file).toContain(`Node ${short} or newer`)
  })

  test('lead from every threat to its attack', () => {
    const rows = [...read('SECURITY.md').matchAll(/^\| (T\d+) `([^`]+)` \|/gm)]
    expect(rows.map(([, id]) => id)).toEqual(Array.from({ length: 70 }, (_, index) => `T${index + 1}`))
    for (const [, id, file] of rows) expect(read(file!), `${id} in ${file}`).toMatch(new RegExp(`'${id}\\b`))
  })

  test('and the code speak of nothing outside this repository', () => {
    // Put together here, or this file would be the one that says them.
    const strange = [['..', 'shared', ''].join('/'), ['', 'work', ''].join('/'), ['issue', '#'].join(' ')]
    const files = [...DOCUMENTS, ...['src', 'adapters', 'test', 'examples'].flatMap(filesOf)].filter(
      (file) => !file.startsWith('test/generated/'),
    )
    for (const file of files)
      for (const text of strange) expect(read(file).includes(text), `${file}: ${text}`).toBe(false)
  })
})
