import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isLoopbackHost, isLoopbackUrl } from '../../src/http/loopback.ts'

test('a loopback host is one of three spellings', () => {
  expect(['localhost', '127.0.0.1', '[::1]'].every(isLoopbackHost)).toBe(true)
  expect(isLoopbackUrl('http://LOCALHOST:8080/x')).toBe(true)
  expect(isLoopbackUrl('https://[0:0::1]/')).toBe(true)
})

test.each([
  'http://127.0.0.2/',
  'http://app.localhost/',
  'http://localhost.evil.example/',
  'http://localhost@evil.example/',
  'http://127.0.0.1.nip.io/',
  'http://[::2]/',
  'http://[::ffff:127.0.0.1]/',
  'http://0.0.0.0/',
  'localhost',
  '',
])('%s is not a loopback host', (url) => expect(isLoopbackUrl(url)).toBe(false))

test('the rule stands in one file', () => {
  const root = new URL('../..', import.meta.url).pathname
  const copies = ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'loopback.ts')
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => /localhost\|127\\\.0\\\.0\\\.1/.test(readFileSync(file, 'utf8'))),
  )
  expect(copies).toEqual([])
})
