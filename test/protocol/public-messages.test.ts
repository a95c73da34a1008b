import { expect, test } from 'vitest'
import { compileRules } from '../../src/protocol/mcp-rules.ts'
import { compilePatterns } from '../../src/protocol/patterns.ts'
import { isPublicName, type PublicTable } from '../../src/protocol/public-messages.ts'

const table: PublicTable = {
  tools: compilePatterns({ search: true }),
  prompts: compilePatterns({}),
  resources: compilePatterns({}),
  methods: compilePatterns({}),
  spell: () => {
    throw new Error('it was spelled')
  },
}

test('no URI is spelled where no resource is public', () => {
  expect(isPublicName('resources', 'docs://a', table, compileRules({ resources: { '*': 'deny' } }))).toBe(
    false,
  )
  const open = { ...table, resources: compilePatterns({ 'docs://*': true as const }) }
  expect(() => isPublicName('resources', 'docs://a', open, compileRules({}))).toThrow('it was spelled')
})

test('a URI with too many spellings needs nothing where no resource has a rule', () => {
  const uri = `http://h/%${'25'.repeat(200)}2f`
  expect(compileRules({ resources: { 'docs://*': ['x'] } }).ofResource(uri)).toBe('deny')
  for (const rules of [{}, { resources: {} }]) expect(compileRules(rules).ofResource(uri)).toEqual([])
})
