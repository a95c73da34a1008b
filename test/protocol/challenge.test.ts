import { expect, test } from 'vitest'
import { bearerChallenge } from '../../src/protocol/challenge.ts'

const resourceMetadata = 'https://proxy.test/.well-known/oauth-protected-resource/mcp'

test('a client without a token learns where to get one, and of no error', () => {
  expect(bearerChallenge({ resourceMetadata })).toBe(`Bearer resource_metadata="${resourceMetadata}"`)
  expect(bearerChallenge({ resourceMetadata, scope: [] })).toBe(
    `Bearer resource_metadata="${resourceMetadata}"`,
  )
})

test('everything there is to say is said once, in quotes', () => {
  const challenge = {
    resourceMetadata,
    scope: ['read', 'write'],
    error: 'insufficient_scope',
    description: 'A sentence',
  } as const
  expect(bearerChallenge(challenge)).toBe(
    'Bearer error="insufficient_scope", error_description="A sentence", scope="read write", ' +
      `resource_metadata="${resourceMetadata}"`,
  )
})
