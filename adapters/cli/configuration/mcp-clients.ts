/** How one MCP client is told of a server. */
interface McpClient {
  readonly title: string
  /** Whether it runs elsewhere, so that it reaches public addresses only. */
  readonly hosted?: boolean
  /** What to do, line by line. */
  steps(name: string, url: string): readonly string[]
}

const asJson = (value: unknown): string[] => JSON.stringify(value, undefined, 2).split('\n')

/** The clients that `init` knows, by the name that `--client` takes. */
export const MCP_CLIENTS = {
  'claude-code': {
    title: 'Claude Code',
    steps: (name, url) => [`claude mcp add --transport http ${name} ${url}`],
  },
  claude: {
    title: 'Claude (web and desktop)',
    hosted: true,
    steps: (_name, url) => ['Settings → Connectors → Add custom connector, with the URL', url],
  },
  chatgpt: {
    title: 'ChatGPT',
    hosted: true,
    steps: (_name, url) => [
      'Settings → Connectors → Advanced → Developer mode; then Connectors → Create, with the URL',
      url,
    ],
  },
  vscode: {
    title: 'VS Code',
    steps: (name, url) => ['In .vscode/mcp.json:', ...asJson({ servers: { [name]: { type: 'http', url } } })],
  },
  cursor: {
    title: 'Cursor',
    steps: (name, url) => ['In .cursor/mcp.json:', ...asJson({ mcpServers: { [name]: { url } } })],
  },
  codex: {
    title: 'Codex',
    steps: (name, url) => [`codex mcp add ${name} --url ${url}`, `codex mcp login ${name}`],
  },
  gemini: {
    title: 'Gemini CLI',
    steps: (name, url) => [
      `gemini mcp add --transport http --scope user ${name} ${url}`,
      `and in a session of it: /mcp auth ${name}`,
    ],
  },
  qwen: {
    title: 'Qwen Code',
    steps: (name, url) => [
      `qwen mcp add --transport http ${name} ${url}`,
      'and in a session of it: /mcp, if no browser opens',
    ],
  },
  'mcp-remote': {
    title: 'a client that starts programs only, through mcp-remote',
    steps: (name, url) =>
      asJson({ mcpServers: { [name]: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }),
  },
  inspector: {
    title: 'MCP Inspector',
    steps: (_name, url) => [
      'npx @modelcontextprotocol/inspector',
      'and there: Transport "Streamable HTTP", the URL',
      url,
    ],
  },
} as const satisfies Readonly<Record<string, McpClient>>

export type McpClientName = keyof typeof MCP_CLIENTS

/** Makes a name that clients accept for a server. */
export const serverName = (name: string | undefined): string =>
  name
    ?.toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'lockgate'
