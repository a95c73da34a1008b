import type { McpOptions, ProxyOptions } from '../../../src/index.ts'
import { type Finding, ok, show } from '../finding.ts'

/** Lists what anyone may do without a token. No finding if there is no such thing. */
export function publicFindings({ mcp }: ProxyOptions): Finding[] {
  const servers = (Array.isArray(mcp) ? mcp : [mcp]) as readonly (McpOptions | string | (() => unknown))[]
  return servers.flatMap((server) => {
    if (typeof server !== 'object' || server.external || !server.public) return []
    const { tools = [], prompts = [], resources = [], methods = [] } = server.public
    const named = Object.entries({ tools, prompts, resources, methods }).filter(([, list]) => list.length > 0)
    const seen = named.map(([kind, list]) => `${kind}: ${list.join(', ')}`).join('; ')
    const place = server.path ?? server.url ?? '/mcp'
    return [ok('settings.public', `Anyone may use a part of ${show(place)} without a token`, show(seen, 500))]
  })
}
