import type { McpOptions, ProxyOptions } from '../../../src/index.ts'
import { SettingsError, toWord, type Variables } from './environment.ts'

const MODES = ['identity', 'upstream-token', 'nothing'] as const satisfies readonly McpOptions['forward'][]

/** The first of the variables of `mcp` that is set. */
export const mcpVariable = ({ get }: Variables): string =>
  ['LOCKGATE_MCP', 'LOCKGATE_MCP_PATH', 'LOCKGATE_MCP_FORWARD'].find((name) => get(name)) ?? 'LOCKGATE_MCP'

/**
 * Returns the MCP server of the variables. `LOCKGATE_MCP_PATH` and `LOCKGATE_MCP_FORWARD` also change the one of the
 * config file.
 *
 * @throws {SettingsError} If there is none, or the config file has several.
 */
export function readMcp(
  { get, from }: Variables,
  given: ProxyOptions['mcp'] | undefined,
  storageOnly = false,
): ProxyOptions['mcp'] {
  const [url, path, forward] = [get('LOCKGATE_MCP'), get('LOCKGATE_MCP_PATH'), get('LOCKGATE_MCP_FORWARD')]
  const mode = forward && toWord(forward, MODES, from('LOCKGATE_MCP_FORWARD')!)
  const more = { ...(path && { path }), ...(mode && { forward: mode }) }
  if (url) return path || forward ? { url, ...more } : url
  if (given === undefined) {
    if (storageOnly) return () => new Response()
    throw new SettingsError(
      'LOCKGATE_MCP: is missing; give the URL of the MCP server to protect here or with --mcp',
    )
  }
  if (Array.isArray(given)) {
    const origin = from(path ? 'LOCKGATE_MCP_PATH' : 'LOCKGATE_MCP_FORWARD')
    throw new SettingsError(
      `${origin}: the config file has several MCP servers; set it there for one of them`,
    )
  }
  const one =
    typeof given === 'string' ? { url: given } : typeof given === 'function' ? { handler: given } : given
  return { ...one, ...more } as McpOptions
}
