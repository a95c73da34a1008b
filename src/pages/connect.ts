/** The way to add a server to one client. */
export interface Way {
  readonly client: string
  /** The text of the pages that explains it. */
  readonly how:
    | 'connectClaude'
    | 'connectChatGpt'
    | 'connectTerminal'
    | 'connectOpen'
    | 'connectOpenFile'
    | 'connectConfig'
    | 'connectInspector'
  readonly snippet: string
  /** A link that opens the client and adds the server. */
  readonly link?: string
  /** The file that the snippet belongs in. */
  readonly file?: string
  /** `true` if the client connects from its own servers instead of the user's computer. */
  readonly hosted?: boolean
}

/** Returns a name that every client and every shell accepts. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40) || 'server'

/**
 * Returns the way to connect for each client. Shell commands contain a slug and a URL, whose path has only harmless
 * characters.
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
