import { judge, show } from '../finding.ts'
import { type Check, listOf } from '../world.ts'

/** Clients refuse a server that does not say it knows S256 (MCP, Authorization: code protection). */
export const pkce: Check = (world) => {
  if (!world.server) return []
  const methods = listOf(world, 'code_challenge_methods_supported')
  return [
    judge(
      'pkce',
      'PKCE with S256 is offered',
      methods?.includes('S256')
        ? undefined
        : {
            seen: `code_challenge_methods_supported: ${show(methods)}`,
            expected: 'a list with "S256"',
            fix: 'List S256 in code_challenge_methods_supported, and check it.',
          },
    ),
  ]
}
