/** What fails on this side, or behind it. */
export const operation = {
  'storage-failed': ['The storage failed, or did not answer in time.', 'See `error` and the storage itself.'],
  'limiter-failed': [
    'The limiter failed; the one in memory counted instead.',
    'See `error` and the limiter itself.',
  ],
  'key-check-failed': [
    '`verifyApiKey` threw, took over 8 s, or returned something else than an identity; `detail` says which.',
    'See `error` and your own code.',
  ],
  'unknown-keys-flood': ['Too many keys that nobody knows within a minute.', 'Look at who sends them.'],
  'mcp-server-unreachable': [
    'The MCP server behind does not answer.',
    'See that it runs, and that `mcp` is its address as this server sees it.',
  ],
  'mcp-server-refuses': [
    'The MCP server behind answered 401: it refuses the proxy.',
    'Let it trust the proxy, or set `forward` to `upstream-token`.',
  ],
  'mcp-server-redirects': [
    'The MCP server redirects to an address that no entry of `mcp` leads to.',
    'Compare the URL in `mcp` with the address that the server uses for itself.',
  ],
  'mcp-server-malformed': ['The MCP server sent a status outside 200 to 599.', 'Look at the MCP server.'],
  'application-failed': [
    'Code of the application took too long, or failed; `detail` names the option.',
    'See `error` and your own code.',
  ],
  'after-the-answer': ['Work that went on after the answer failed.', 'See `error`.'],
  unexpected: ['Something that should not happen.', 'See `error`, and report it if it is not your own code.'],
  'by-application': ['Code of the application refused.', 'Nothing: it is your own word.'],
} as const
