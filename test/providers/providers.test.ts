import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ROWS } from './rows.ts'
import { type Walked, walk } from './walk.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** For the report. */
    walked?: Walked & {
      readonly name: string
      /** The parts of the imitation that nobody captured. */
      readonly assumed: readonly string[]
      readonly quirks: string
    }
  }
}

const root = new URL('../..', import.meta.url).pathname

describe('in front of an imitation that refuses what the vendor refuses', () => {
  test.for(ROWS)('$name signs in, refreshes, is refused and revokes', async (row, { task }) => {
    const walked = await walk(row)
    const { name, quirks = '', profile } = row
    const assumed = Object.entries(profile.sources)
      .filter(([, source]) => source.startsWith('assumed'))
      .map(([part]) => part)
    task.meta.walked = { name, quirks, assumed, ...walked }
  })
})

test('every provider has a row', () => {
  const files = readdirSync(`${root}src/providers`)
    .filter((file) => file.endsWith('.ts') && !['provider.ts', 'define.ts', 'dev.ts'].includes(file))
    .map((file) => file.slice(0, -3))
  const rows = new Set(ROWS.map(({ name }) => name.replace(/ .*/, '')))
  expect([...rows].sort()).toEqual(files.sort())
})
