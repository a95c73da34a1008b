import { ConfigError, createProxy, type ProxyOptions } from '../../../src/index.ts'
import { type Finding, fail, ok } from '../finding.ts'

/**
 * Checks that each secret is random, by the rule that holds for a public URL, regardless of the
 * settings allow. Nothing of it is shown.
 */
export function secretFinding(options: ProxyOptions): Finding {
  const [id, title] = ['secret', 'The secret cannot be guessed']
  const all = [options.secret].flat()
  const index = all.findIndex((secret) => isRefused({ ...options, secret }))
  if (index === -1) return ok(id, title)
  return fail(id, title, {
    seen: `${all.length > 1 ? `secret ${index + 1} of ${all.length}` : 'a secret'} that is short, or made up rather than drawn`,
    expected: '256 bits of randomness',
    fix: 'Make one with `npx lockgate secret` and rotate: the new one first, the old one behind it (`secret`, LOCKGATE_SECRET).',
  })
}

function isRefused(options: ProxyOptions): boolean {
  try {
    createProxy({
      ...options,
      on: { event: () => {} },
      url: 'https://mcp.example.com',
      dangerouslyAllowWeakSecret: false,
    })
    return false
  } catch (error) {
    return error instanceof ConfigError && error.issues.some(({ path }) => path.startsWith('secret'))
  }
}
