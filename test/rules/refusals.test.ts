import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname

/** The sentences of `new OAuthError(code, 'sentence', …)` in a file. */
const sentences = (code: string): string[] =>
  [
    ...code.matchAll(/new (?:OAuthError|UpstreamUnavailable)\(\s*(?:'\w+',\s*)?'([A-Z](?:[^'\\]|\\.)+)'/g),
  ].map(([, sentence]) => sentence!)

test('the sentence of a refusal is written in one place', () => {
  const places = new Map<string, string[]>()
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const file = join(entry.parentPath, entry.name)
    for (const sentence of sentences(readFileSync(file, 'utf8'))) {
      places.set(sentence, [...(places.get(sentence) ?? []), file.slice(root.length)])
    }
  }
  expect(places.size).toBeGreaterThan(40)
  expect([...places].filter(([, files]) => files.length > 1)).toEqual([])
})
