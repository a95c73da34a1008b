import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'))

const [SRC, ADAPTERS, TEST, EXAMPLES] = ['src', 'adapters', 'test', 'examples'].map(files) as [
  string[],
  string[],
  string[],
  string[],
]

const sources = new Map(
  [...SRC, ...ADAPTERS, ...TEST, ...EXAMPLES].map((file) => [file, readFileSync(join(root, file), 'utf8')]),
)
const read = (file: string) => sources.get(file)!

/** From the bottom up: a room may import the rooms of earlier rows, and its own files. */
const LADDER: readonly (readonly string[])[] = [
  ['reasons', 'timing', 'bounded-map'],
  ['errors', 'ports', 'age'],
  ['single-flight', 'pending-work'],
  ['refusals', 'validation'],
  ['http', 'crypto'],
  ['events'],
  ['protocol'],
  ['providers', 'pages'],
  ['options'],
  ['grants', 'upstream', 'signing'],
  ['tokens'],
  ['connections'],
  ['clients', 'limits', 'assertions'],
  ['guard'],
  ['forward'],
  ['context', 'warnings'],
  ['call', 'sign-in', 'operator'],
  ['endpoints'],
  ['routes'],
  ['router'],
  ['proxy'],
  ['index', 'internal'],
]

const roomOf = (path: string) => path.split('/')[0]!.replace(/\.ts$/, '')
const layerOf = (path: string) => LADDER.findIndex((row) => row.includes(roomOf(path)))

const specifiers = (file: string) =>
  [...read(file).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, specifier]) => specifier!)

/** The files of this repository that a file imports. */
const imports = (file: string) =>
  specifiers(file)
    .filter((one) => one.startsWith('.'))
    .map((one) => join(dirname(file), one))

/** Lists the files that break a rule, so that a failure names them all. */
const offenders = (all: readonly string[], breaks: (file: string) => boolean): string[] => all.filter(breaks)

describe('the sources of the core', () => {
  test('have a room each', () => {
    expect(offenders(SRC, (file) => layerOf(file.slice(4)) < 0)).toEqual([])
  })

  test('import only downwards', () => {
    const upwards = SRC.flatMap((file) =>
      imports(file)
        .filter((target) => {
          const [from, to] = [file.slice(4), target.slice(4)]
          const sameRoom = from.includes('/') && roomOf(from) === roomOf(to)
          return !sameRoom && layerOf(to) >= layerOf(from)
        })
        .map((target) => `${file} → ${target}`),
    )
    expect(upwards).toEqual([])
  })

  test('name no runtime', () => {
    const named = offenders(SRC, (file) => {
      const code = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, '')
      return (
        /\b(process|Deno|Bun|Buffer|__dirname)\b|\brequire\(\s*\)/.test(code) ||
        specifiers(file).some((one) => /^(node|bun|cloudflare):|adapters\//.test(one))
      )
    })
    expect(named).toEqual([])
  })
})

test('one file asks `URL.canParse`, whose answer depends on how often it was called', () => {
  const asks = offenders([...SRC, ...ADAPTERS], (file) => /\bcanParse\b/.test(read(file)))
  expect(asks).toEqual(['src/http/parse-url.ts'])
})

test('no map keeps promises that several requests wait for: single flights do that', () => {
  expect(offenders(SRC, (file) => /(Map|createBoundedMap)<[^;\n]*Promise/.test(read(file)))).toEqual([])
})

describe('every file', () => {
  test('imports no file that imports it back, over however many others', () => {
    const all = [...SRC, ...ADAPTERS]
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, trail: readonly string[]): void => {
      const start = trail.indexOf(file)
      if (start >= 0) circles.push([...trail.slice(start), file].join(' → '))
      if (start >= 0 || done.has(file)) return
      for (const target of imports(file)) if (sources.has(target)) visit(target, [...trail, file])
      done.add(file)
    }
    for (const file of all) visit(file, [])
    expect(circles).toEqual([])
  })

  test('has at most 250 lines', () => {
    expect(offenders([...SRC, ...ADAPTERS], (file) => read(file).split('\n').length > 251)).toEqual([])
  })

  test('promises no later work', () => {
    const all = [...sources.keys()].filter((file) => file !== 'test/rules/sources.test.ts')
    expect(offenders(all, (file) => /\b(TODO|FIXME|XXX)\b/.test(read(file)))).toEqual([])
  })

  test('has a name that says what is in it', () => {
    const vague = (file: string) =>
      /\/(utils?|helpers?|common|types|misc)(\.|\/)/.test(file) || !/^[a-z0-9./-]+$/.test(file)
    expect(offenders([...sources.keys()], vague)).toEqual([])
  })
})

test('adapters import the public surface of the core, its internal entry, its ports or the providers', () => {
  const surface = /^src\/(index|internal|ports|providers\/[\w-]+)\.ts$/
  const inner = ADAPTERS.flatMap((file) =>
    imports(file)
      .filter((target) => target.startsWith('src/') && !surface.test(target))
      .map((target) => `${file} → ${target}`),
  )
  expect(inner).toEqual([])
})
