import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'))

const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** From the bottom up: what stands in one row may import rows before it, and files of its own folder. */
const LADDER: readonly (readonly string[])[] = [
  ['reasons'],
  ['ports', 'errors', 'in-time'],
  ['application'],
  ['http', 'crypto', 'events'],
  ['protocol'],
  ['providers', 'pages'],
  ['auth'],
  ['config'],
  ['option-schema'],
  ['scalar-options'],
  ['settings'],
  ['grants', 'clients', 'upstream'],
  ['guard'],
  ['context'],
  ['endpoints'],
  ['routes'],
  ['proxy'],
  ['index'],
]

const layerOf = (path: string) =>
  LADDER.findIndex((row) => row.includes(path.split('/')[0]!.replace(/\.ts$/, '')))

const imports = (code: string) =>
  [...code.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, specifier]) => specifier!)

describe('the sources of the core', () => {
  test.each(files('src'))('%s imports only downwards', (file) => {
    const path = file.slice('src/'.length)
    expect(
      layerOf(path),
      'a new file at the top, or a new folder, needs a place in LADDER',
    ).toBeGreaterThanOrEqual(0)
    for (const specifier of imports(read(file)).filter((one) => one.startsWith('.'))) {
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1)
      const sameFolder = path.includes('/') && target.split('/')[0] === path.split('/')[0]
      expect(sameFolder || layerOf(target) < layerOf(path), `${path} → ${target}`).toBe(true)
    }
  })

  test.each(files('src'))('%s names no runtime', (file) => {
    for (const specifier of imports(read(file)))
      expect(specifier).not.toMatch(/^(node|bun|cloudflare):|adapters\//)
    const code = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, '')
    expect(code).not.toMatch(/\b(process|Deno|Bun|Buffer|__dirname|require)\b/)
  })
})

describe('every file', () => {
  test.each([...files('src'), ...files('adapters')])('%s has at most 250 lines', (file) => {
    expect(read(file).split('\n').length).toBeLessThanOrEqual(251)
  })

  test.each([...files('src'), ...files('adapters'), ...files('test'), ...files('examples')])(
    '%s promises no later work and says nothing by a vague name',
    (file) => {
      if (file !== 'test/package/sources.test.ts') expect(read(file)).not.toMatch(/\b(TODO|FIXME|XXX)\b/)
      expect(file).not.toMatch(/\/(utils?|helpers?|common|types|misc)(\.|\/)/)
      expect(file).toMatch(/^[a-z0-9./-]+$/)
    },
  )

  test.each(files('adapters'))(
    '%s imports the public surface of the core, the providers or nothing of it',
    (file) => {
      for (const specifier of imports(read(file)).filter((one) => one.includes('/src/'))) {
        expect(specifier).toMatch(/\/src\/(index|providers\/[\w-]+)\.ts$/)
      }
    },
  )
})
