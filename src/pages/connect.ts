/** How one client is told of a server. */
export interface Way {
  readonly client: string
  /** Which text of the pages says what to do. */
  readonly how:
    | 'connectClaude'
    | 'connectChatGpt'
    | 'connectTerminal'
    | 'connectOpen'
    | 'connectOpenFile'
    | 'connectConfig'
    | 'connectInspector'
  readonly snippet: string
  /** An address that opens the client and adds the server. */
  readonly link?: string
  /** The file that the snippet belongs into. */
  readonly file?: string
  /** Connects from servers of its own, wherever its user sits. */
  readonly hosted?: boolean
}

/** A name that every client and every shell takes. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40) || 'server'

/**
 * How each client connects. What goes into a shell is a slug and a URL whose path the options allow only harmless
 * characters in.
 *
 * @see [Claude Code](https://code.claude.com/docs/en/mcp)
 * @see [VS Code](https://code.visualstudio.com/docs/copilot/customization/mcp-servers)
 * @see [Cursor](https://docs.cursor.com/en/tools/developers)
 */
export function waysToConnect(server: string, url: string): Way[] {
  const name = slug(server)
  const code = JSON.stringify({ name, type: 'http', url })
  const cursor = JSON.stringify({ mcpServers: { [name]: { url } } }, null, 2)
  const remote = { mcpServers: { [name]: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }
  return [
    { client: 'Claude', how: 'connectClaude', snippet: url, hosted: true },
    {
      client: 'Claude Code',
      how: 'connectTerminal',
      snippet: `claude mcp add --transport http ${name} ${url}`,
    },
    { client: 'ChatGPT', how: 'connectChatGpt', snippet: url, hosted: true },
    {
      client: 'VS Code',
      how: 'connectOpen',
      snippet: `code --add-mcp '${code}'`,
      link: `vscode:mcp/install?${encodeURIComponent(code)}`,
    },
    {
      client: 'Cursor',
      how: 'connectOpenFile',
      snippet: cursor,
      file: '~/.cursor/mcp.json',
      link: `cursor://anysphere.cursor-deeplink/mcp/install?name=${name}&config=${encodeURIComponent(btoa(JSON.stringify({ url })))}`,
    },
    { client: 'mcp-remote', how: 'connectConfig', snippet: JSON.stringify(remote, null, 2) },
    { client: 'MCP Inspector', how: 'connectInspector', snippet: 'npx @modelcontextprotocol/inspector' },
  ]
}
