import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const bin = (name: string) => join(root, 'node_modules/.bin', name)

/** The package as a user gets it: packed, then installed into an empty folder. */
let folder: string
let tarball: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-package-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  tarball = join(folder, filename)
  await run('npm', ['init', '-y'], { cwd: folder })
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', tarball], {
    cwd: folder,
  })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const subpaths = Object.keys(packageJson.exports).filter((path) => path !== './package.json')

describe('the packed package', () => {
  test('holds the build and the documents, and nothing else', async () => {
    const { stdout } = await run('tar', ['tzf', tarball])
    for (const file of stdout.trim().split('\n')) {
      expect(file).toMatch(
        /^package\/(dist\/.+\.(js|d\.ts)|package\.json|docs\/.+\.md|(README|LICENSE|CHANGELOG|SECURITY|CONTRIBUTING)(\.md)?)$/,
      )
    }
  })

  test('runs no script when it is installed', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(packageJson.scripts).not.toHaveProperty(name)
    }
  })

  test.each(subpaths)('%s has its code and its types', async (path) => {
    const target = packageJson.exports[path as keyof typeof packageJson.exports]
    const installed = join(folder, 'node_modules/lockgate', target)
    expect((await readFile(installed)).length).toBeGreaterThan(0)
    expect((await readFile(installed.replace(/\.js$/, '.d.ts'))).length).toBeGreaterThan(0)
  })

  test('imports under its own name', async () => {
    // What needs an optional dependency, or another runtime, is proven by that runtime's own tests.
    const plain = [
      '.',
      './node',
      './providers/github',
      './providers/oauth2',
      './providers/oidc',
      './storage/fs',
      './storage/from-url',
      './storage/memory',
      './storage/unstorage',
    ]
    for (const path of plain) expect(subpaths).toContain(path)
    const code = plain.map((path) => `await import(${JSON.stringify(`lockgate${path.slice(1)}`)})`).join(';')
    await run(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })
  })

  test('the root alone loads no storage driver and nothing of Node', async () => {
    const dist = join(folder, 'node_modules/lockgate/dist')
    const seen = new Set<string>()
    const follow = async (file: string): Promise<void> => {
      if (seen.has(file)) return
      seen.add(file)
      const code = await readFile(join(dist, file), 'utf8')
      for (const [, specifier] of code.matchAll(/(?:from|import\(|import)\s*['"]([^'"]+)['"]/g)) {
        expect(specifier).not.toMatch(/^node:|unstorage|ioredis|srvx|undici|citty|jiti/)
        if (specifier!.startsWith('./')) await follow(specifier!.slice(2))
      }
    }
    await follow('index.js')
    expect(seen.size).toBeGreaterThan(1)
    expect((await readdir(dist)).length).toBeGreaterThan(seen.size)
  })

  test('publint finds nothing', async () => {
    const { stdout } = await run(bin('publint'), ['--strict', tarball], { cwd: root })
    expect(stdout).toContain('All good!')
  })

  test('are the types wrong? no', async () => {
    // Ends with something else than 0 where it finds a problem.
    const { stdout } = await run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'json'], {
      cwd: root,
      maxBuffer: 2 ** 26,
    })
    const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: Record<string, unknown> } }
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(subpaths))
  }, 60_000)

  test('its command answers', async () => {
    const command = join(folder, 'node_modules/.bin/lockgate')
    expect((await run(command, ['--version'])).stdout.trim()).toBe(packageJson.version)
    const { stdout: secret } = await run(command, ['secret'])
    expect(secret).toMatch(/^[\w-]{43}\n$/)
  })
})
