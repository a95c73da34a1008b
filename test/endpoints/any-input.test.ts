import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { answerHolds, prepare } from './any-answer.ts'
import { anyRequest } from './any-request.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 6000)

beforeAll(prepare)

test('no input fails, shows an exception or writes before a sign-in', { timeout: 3_600_000 }, async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(anyRequest, async ({ make }) => {
      const request = make()
      if (!request) return
      const key = await answerHolds(request)
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }),
    { numRuns: RUNS },
  )
  // What the requests are meant to test they must reach.
  const reached = ['GET /authorize 200', 'POST /register 201', 'POST /consent 303', 'GET /callback 303']
  const refused = [
    'POST /token 400',
    'POST /token 401',
    'POST /revoke 200',
    'GET /mcp 401',
    'POST /consent 403',
  ]
  for (const key of [...reached, ...refused]) expect(seen.get(key) ?? 0, key).toBeGreaterThan(0)
})
