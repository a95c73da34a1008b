import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scalarOptions } from '../../src/internal.ts'
import { optionEntries } from '../../src/options/schema.ts'
import { membersOf } from '../rules/write-reference.ts'

const folder = new URL('../../src/options', import.meta.url).pathname
const code = (file: string) =>
  readFileSync(join(folder, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, '')

describe('every option', () => {
  test('has a description, and a check', () => {
    const members = membersOf('ProxyOptions')
    expect(members.filter(({ meaning }) => !/[.*]$/.test(meaning)).map(({ path }) => path)).toEqual([])
    const documented = new Set(members.map(({ path }) => path.split('.')[0]!))
    expect([...documented].sort()).toEqual(Object.keys(optionEntries).sort())
  })

  test('documents the default that it has', () => {
    const documented = new Map(membersOf('ProxyOptions').map(({ path, fallback }) => [path, fallback]))
    const scalars = scalarOptions().filter(({ path }) => documented.has(path))
    expect(scalars.length).toBeGreaterThan(25)
    const shown = (value: unknown) =>
      value === undefined ? undefined : typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
    // The pages hold the defaults of their appearance.
    const differ = scalars.filter(
      ({ path, default: value }) => !path.startsWith('theme.') && documented.get(path) !== shown(value),
    )
    expect(differ.map(({ path }) => path)).toEqual([])
  })

  test('has its type and its check in one file of the folder', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
    const homeless = Object.keys(optionEntries).filter((name) => {
      const typed = files.filter((file) => new RegExp(`^  ${name}\\?: `, 'm').test(code(file)))
      const required = files.filter((file) =>
        new RegExp(`^  ${name}: (?!v\\.|byKind|made)`, 'm').test(code(file)),
      )
      const checked = files.filter((file) =>
        new RegExp(`^  ${name}: (v\\.|byKind|made)`, 'm').test(code(file)),
      )
      return !checked.some((file) => typed.includes(file) || required.includes(file))
    })
    expect(homeless).toEqual([])
  })
})

test('the files that compose the families name no option but those that families share', () => {
  const names = Object.keys(optionEntries)
  const named = ['options.ts', 'schema.ts', 'settings.ts'].map((file) => {
    const words = new Set(code(file).match(/\b\w+\b/g))
    return [file, names.filter((name) => words.has(name))]
  })
  expect(named).toEqual([
    ['options.ts', []],
    ['schema.ts', ['url', 'secret', 'upstream', 'mcp', 'name']],
    ['settings.ts', ['url', 'upstream', 'name', 'scopes', 'discovery']],
  ])
})
