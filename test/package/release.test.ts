import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { locate } from '../runtimes/locate.ts'
import { COMMAND, jsrJson } from './jsr.ts'
import { type Manifest, releaseFaults } from './release.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const READY: Manifest = {
  version: '0.1.0',
  repository: { url: 'git+https://github.com/acme/lockgate.git' },
  homepage: 'https://github.com/acme/lockgate#readme',
  bugs: { url: 'https://github.com/acme/lockgate/issues' },
}
const ABOUT = { changelog: '# Changelog\n\n## 0.1.0\n', jsr: '0.1.0', built: '0.1.0' }

describe('a release', () => {
  test('is ready with addresses, a section in the changelog, and one version everywhere', () => {
    expect(releaseFaults(READY, ABOUT)).toEqual([])
    expect(releaseFaults({ ...READY, repository: 'https://github.com/acme/lockgate' }, ABOUT)).toEqual([])
  })

  test.each<[string, Manifest]>([
    ['repository', { ...READY, repository: {} }],
    ['homepage', { ...READY, homepage: '' }],
    ['bugs', { version: '0.1.0', repository: READY.repository!, homepage: READY.homepage! }],
    ['repository', { ...READY, repository: { url: 'git+.git' } }],
    ['homepage', { ...READY, homepage: '#readme' }],
  ])('is refused without a whole %s', (name, manifest) => {
    expect(releaseFaults(manifest, ABOUT)).toEqual([expect.stringContaining(`package.json: ${name} is`)])
  })

  test.each([
    [
      { changelog: '## Unreleased\n\n## 0.1.0\n' },
      'CHANGELOG.md: its first section is Unreleased; expected 0.1.0',
    ],
    [{ jsr: '0.0.9' }, 'jsr.json: has version 0.0.9'],
    [{ built: undefined }, 'dist: is missing'],
    [{ built: '0.0.9' }, 'dist: was built from 0.0.9'],
  ])('is refused if %j', (change, fault) => {
    expect(releaseFaults(READY, { ...ABOUT, ...change })).toEqual([expect.stringContaining(fault)])
  })

  test('is refused by npm itself, before it asks a registry', async () => {
    expect(packageJson.scripts.prepublishOnly).toBe('tsx test/package/release.ts')
    expect(packageJson).not.toHaveProperty('repository')
    const refused = run('npm', ['publish', '--dry-run', '--registry', 'http://127.0.0.1:9'], { cwd: root })
    await expect(refused).rejects.toThrow(
      'package.json: repository is missing; set the address in .ci/release',
    )
  }, 60_000)

  test('gets its addresses from one line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockgate-release-'))
    try {
      await writeFile(join(folder, 'package.json'), '{"name":"x","version":"0.1.0"}')
      const line = read('.ci/release')
        .split('\n')
        .find((one) => one.startsWith('npm pkg set'))!
      await run('bash', ['-euc', `address=https://github.com/acme/lockgate\n${line}`], { cwd: folder })
      const made = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
      expect(releaseFaults(made, ABOUT)).toEqual([])
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 60_000)
})

describe('the workflows', () => {
  const files = readdirSync(join(root, '.github/workflows')).map((file) => read(`.github/workflows/${file}`))

  test('pin every action to a commit, with its version beside it', () => {
    const uses = files.flatMap((text) => [...text.matchAll(/uses: (.+)$/gm)].map(([, action]) => action))
    expect(uses.length).toBeGreaterThan(3)
    for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('publish by the script that sets the addresses', () => {
    expect(files.join('\n')).toContain('publish: .ci/release')
  })
})

describe('the changelog', () => {
  test('has one section for each version, each with a heading once, and nothing unreleased', () => {
    const [, ...sections] = read('CHANGELOG.md').split(/^## /m)
    const names = sections.map((section) => section.split('\n', 1)[0]!)
    expect(names[0]).toBe(packageJson.version)
    for (const name of names) expect(name).toMatch(/^\d+\.\d+\.\d+/)
    expect(new Set(names).size).toBe(names.length)
    for (const section of sections) {
      const headings = [...section.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading)
      expect(new Set(headings).size, headings.join()).toBe(headings.length)
    }
  })
})

describe('jsr.json', () => {
  test(`follows from package.json; if not, run: ${COMMAND}`, () => {
    expect(read('jsr.json')).toBe(jsrJson())
  })

  const deno = locate('deno')
  test.skipIf(!deno)(
    'passes the dry run of the publisher',
    async () => {
      const args = ['publish', '--config', 'jsr.json', '--dry-run', '--allow-dirty', '--no-check']
      const { stderr } = await run(deno!, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
      expect(stderr).toContain('Dry run complete')
    },
    120_000,
  )
})
