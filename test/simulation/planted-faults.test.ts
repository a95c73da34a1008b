import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PLANTS } from './planted-faults.ts'
import { simulate } from './processes.ts'

const root = new URL('../..', import.meta.url)

test.each(PLANTS)('$name can still be removed, and the README says when the simulation finds it', (plant) => {
  const text = readFileSync(new URL(plant.file, root), 'utf8')
  expect(text.split(plant.find)).toHaveLength(2)
  expect(readFileSync(new URL('README.md', import.meta.url), 'utf8')).toContain(`| ${plant.name} |`)
})

test('the simulation finds that the grace check is missing, and nothing without that fault', {
  timeout: 60_000,
}, async () => {
  const job = { first: 1, histories: 30, store: 'atomic' } as const
  const plant = PLANTS.find(({ name }) => name === 'the grace check')!
  const faulty = await simulate(job, { processes: 1, plant })
  expect(faulty.failures.map(({ rule }) => rule.split(':')[0])).toEqual([
    'an old refresh token is refused after the grace period',
  ])
  const whole = await simulate(job, { processes: 1 })
  expect(whole.failures).toEqual([])
  expect(whole.coverage.histories).toBe(30)
})
