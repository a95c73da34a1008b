import { OAuthError, type ProxyOptions } from '../../../src/index.ts'
import { reasons, tryExchange } from '../../../src/internal.ts'
import { type Finding, fail, ok, show } from '../../doctor/finding.ts'
import { UsageError } from '../configuration/command.ts'
import { noGrant, readGrant } from '../grants/grant-key.ts'

const TITLE = "The provider exchanges the user's token"

/**
 * Runs one exchange for a grant, as a request to its MCP server would.
 *
 * @param grant The grant, as `grants list` prints it.
 * @returns The audience, scope and expiry of the result, and nothing else of it.
 * @throws {UsageError} If it is no grant.
 */
export async function examineExchange(options: ProxyOptions, grant: string): Promise<Finding> {
  const key = readGrant(grant)
  if (!key) throw new UsageError(noGrant('--as'))
  try {
    const tried = await tryExchange(options, key)
    if (!tried) return missing()
    const { resource, audience, scope, expiresAt } = tried
    const facts = {
      aud: audience?.join(' '),
      scope,
      exp: expiresAt && `${new Date(expiresAt * 1000).toISOString().slice(0, 19)}Z`,
    }
    const known = Object.entries(facts).flatMap(([name, value]) => (value ? [`${name} ${value}`] : []))
    return ok(
      'exchange',
      TITLE,
      show([`for ${resource}`, ...(known.length > 0 ? known : ['opaque'])].join(', ')),
    )
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    const { reason, detail } = error
    const [meaning, remedy] = reasons[reason]
    return fail('exchange', TITLE, {
      seen: show(detail === undefined ? reason : `${reason}: ${detail}`),
      expected: meaning,
      fix: remedy,
    })
  }
}

const missing = (): Finding =>
  fail('exchange', TITLE, {
    seen: 'no such grant, or its MCP server has no `upstreamToken`',
    expected: 'a living grant for an MCP server with `upstreamToken`',
    fix: 'List the grants with `lockgate grants list`.',
  })
