import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { locate, type RuntimeBinary } from '../runtimes/locate.ts'
import { SPECIAL_ADDRESSES } from './addresses.ts'
import { createTable } from './table.ts'

const { rows, close } = await createTable()
afterAll(close)

describe('what a stranger names is asked for only where that is safe:', () => {
  test.each(rows)('$rule', ({ check }) => check())

  test('sixty addresses and more', () => expect(SPECIAL_ADDRESSES.length).toBeGreaterThan(60))
})

const OTHERS: readonly [RuntimeBinary, readonly string[]][] = [
  ['bun', ['run']],
  ['deno', ['run', '--allow-all', '--no-remote', '--no-lock']],
]

describe.each(OTHERS)('on %s', (runtime, args) => {
  const binary = locate(runtime)
  if (!binary) console.warn(`The table of addresses is not checked on ${runtime}: its binary is missing`)

  test.skipIf(!binary)('every rule holds, too', { timeout: 60_000 }, async () => {
    const script = new URL('table.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)(binary!, [...args, script])
    expect(stdout).toMatch(/^(\d+)\/\1 rules hold/m)
  })
})
