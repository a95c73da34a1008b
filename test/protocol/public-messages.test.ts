import { expect, test } from 'vitest'
import { compileRules } from '../../src/protocol/mcp-rules.ts'
import { compilePatterns } from '../../src/protocol/patterns.ts'
import { isPublicName, type PublicTable } from '../../src/protocol/public-messages.ts'
import { compileUris } from '../../src/protocol/uri-table.ts'

const fits = () => {
  throw new Error('it was spelled')
}
const table: PublicTable = {
  tools: compilePatterns({ search: true }),
  prompts: compilePatterns({}),
  resources: { isEmpty: true, fits },
  methods: compilePatterns({}),
}

test('no URI is spelled where no resource is public', () => {
  expect(isPublicName('resources', 'docs://a', table, compileRules({ resources: { '*': 'deny' } }))).toBe(
    false,
  )
  expect(compileUris({}, () => true).isEmpty).toBe(true)
  expect(compileUris({ '*': true }, () => true).isEmpty).toBe(false)
  const open = { ...table, resources: { isEmpty: false, fits } }
  expect(() => isPublicName('resources', 'docs://a', open, compileRules({}))).toThrow('it was spelled')
})

test('a URI with too many spellings needs nothing where no resource has a rule', () => {
  const uri = `http://h/%${'25'.repeat(200)}2f`
  expect(compileRules({ resources: { 'docs://*': ['x'] } }).ofResource(uri)).toBe('deny')
  for (const rules of [{}, { resources: {} }]) expect(compileRules(rules).ofResource(uri)).toEqual([])
})
