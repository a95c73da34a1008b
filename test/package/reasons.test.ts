import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clients } from '../../src/reasons/clients.ts'
import { grants } from '../../src/reasons/grants.ts'
import { operation } from '../../src/reasons/operation.ts'
import { providers } from '../../src/reasons/providers.ts'
import { reasons } from '../../src/reasons/reasons.ts'
import { requests } from '../../src/reasons/requests.ts'

const root = new URL('../..', import.meta.url).pathname
const code = readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.endsWith('reasons'))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n')

// That nothing else is used, the types say.
describe('every reason code', () => {
  test.each(Object.entries(reasons))('%s is used, and explained in sentences', (name, [meaning, remedy]) => {
    expect(code).toContain(`'${name}'`)
    expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    for (const text of [meaning, remedy]) expect(text).toMatch(/^[A-Z`][^\n]*\.$/)
  })

  test('stands in one list only', () => {
    const names = [requests, clients, grants, providers, operation].flatMap((list) => Object.keys(list))
    expect(new Set(names).size).toBe(names.length)
    expect(names.length).toBe(Object.keys(reasons).length)
  })
})
