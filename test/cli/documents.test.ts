import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { documents, readDocument } from '../rules/snippets.ts'

const root = new URL('../..', import.meta.url).pathname

// It starts two processes.
test('the documents name only scripts, files and commands that exist', { timeout: 60_000 }, async () => {
  const text = documents().map(readDocument).join('\n')
  const all = (pattern: RegExp) => new Set([...text.matchAll(pattern)].map((match) => match[1]!))
  for (const script of all(/npm run ([\w:-]+)/g)) expect(packageJson.scripts).toHaveProperty([script])
  for (const document of documents()) {
    // A document may ask its reader to save a file first.
    const saved = new Set(
      [...readDocument(document).matchAll(/[Ss]ave (?:it|this) as `([\w./-]+)`/g)].map((match) => match[1]),
    )
    const files = readDocument(document).matchAll(/npx (?:tsx|vitest run) ([\w./-]+)/g)
    for (const [, file = ''] of files) {
      if (saved.has(file)) continue
      const exists = [root, join(root, dirname(document))].some((folder) => existsSync(join(folder, file)))
      expect(exists, `${document}: ${file}`).toBe(true)
    }
  }
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
  for (const flag of ['--log', '--config']) expect(text.includes(flag) && flags.includes(flag)).toBe(true)
})
