import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { assertions } from '../../src/reasons/assertions.ts'
import { clients } from '../../src/reasons/clients.ts'
import { grants } from '../../src/reasons/grants.ts'
import { operation } from '../../src/reasons/operation.ts'
import { providers } from '../../src/reasons/providers.ts'
import { reasons } from '../../src/reasons/reasons.ts'
import { requests } from '../../src/reasons/requests.ts'

const root = new URL('../..', import.meta.url).pathname
const code = ['src', 'adapters']
  .flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true, recursive: true }))
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.endsWith('reasons'))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n')

const all = Object.entries(reasons)
/** Lists the codes that break a rule, so that a failure names them all. The types hold that no other code is used. */
const offenders = (breaks: (name: string, texts: readonly string[]) => boolean) =>
  all.filter(([name, texts]) => breaks(name, texts)).map(([name]) => name)

describe('every reason code', () => {
  test('is used in the code', () => {
    expect(offenders((name) => !code.includes(`'${name}'`))).toEqual([])
  })

  test('is kebab-case, and explained in whole sentences', () => {
    expect(offenders((name) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))).toEqual([])
    expect(offenders((_, texts) => !texts.every((text) => /^[A-Z`][^\n]*\.$/.test(text)))).toEqual([])
  })

  test('is in one list only', () => {
    const names = [requests, clients, assertions, grants, providers, operation].flatMap((list) =>
      Object.keys(list),
    )
    expect(new Set(names).size).toBe(names.length)
    expect(names.length).toBe(Object.keys(reasons).length)
  })
})
