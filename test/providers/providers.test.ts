import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ROWS } from './rows.ts'
import { type Walked, walk } from './walk.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** For the report. */
    walked?: Walked & { readonly name: string; readonly quirks: string }
  }
}

const root = new URL('../..', import.meta.url).pathname

describe('before an imitation that checks what the provider would check', () => {
  test.for(ROWS)('$name signs in, refreshes and ends its tokens', async (row, { task }) => {
    task.meta.walked = { name: row.name, quirks: row.quirks ?? '', ...(await walk(row)) }
  })
})

test('every provider has a row', () => {
  const files = readdirSync(`${root}src/providers`)
    .filter((file) => file.endsWith('.ts') && !['provider.ts', 'define.ts', 'dev.ts'].includes(file))
    .map((file) => file.slice(0, -3))
  const rows = new Set(ROWS.map(({ name }) => name.replace(/ .*/, '')))
  expect([...rows].sort()).toEqual(files.sort())
})
