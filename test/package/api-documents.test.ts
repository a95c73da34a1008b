import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { sourceOf } from './jsr.ts'

const CONFIG = new URL('../../typedoc.config.mjs', import.meta.url).pathname

test('the API documents have every path that users import by, and no other file', async () => {
  const { default: config } = (await import(CONFIG)) as { default: { entryPoints: readonly string[] } }
  const wanted = Object.values(packageJson.exports)
    .filter((built) => built.endsWith('.js'))
    .map((built) => sourceOf(built).slice(2))
  expect(config.entryPoints).toEqual(wanted)
  expect(wanted.filter((file) => file.startsWith('src/providers/')).length).toBeGreaterThan(37)
})
