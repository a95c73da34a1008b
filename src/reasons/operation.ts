/** Reasons about this server itself, its configuration, and the MCP servers it forwards to. */
export const operation = {
  'clock-skew': [
    'The clock of another instance is ahead of this one; `detail` says how far.',
    'Synchronize the clocks of the instances. Until then a repeated refresh token can end its grant.',
  ],
  'proxy-not-trusted': [
    'A proxy in front sends `X-Forwarded-…` headers, and `trustProxy` is 0. Limits count all its users as one.',
    'Set `trustProxy` to the number of proxies that append to `X-Forwarded-For`. This is told once.',
  ],
  'storage-failed': [
    'The storage failed, or did not respond in time.',
    'Read `error`, and check the storage itself.',
  ],
  'signing-keys-unreadable': [
    'The signing keys in the storage cannot be read; `detail` names the algorithm. New ones were made.',
    'Nothing, if you removed the secret that sealed them. Otherwise restore the storage. Servers fetch the new keys by themselves.',
  ],
  'user-ids-changed': [
    'The ids of users follow a secret that is not configured any more, so that users get new ids; `detail` has its key id.',
    'Use that secret again, or set `userIdSecret` to it, and users keep their ids. `serve` keeps a secret that it made in the folder of its data, such as `.lockgate/data/lockgate-secret`. To accept new ids, set `userIdSecret` to a current secret, or begin with an empty storage.',
  ],
  'signing-keys-busy': [
    'Too many instances wrote the signing keys at once.',
    'Nothing, unless it happens often: then check the storage.',
  ],
  'too-many-groups': [
    'The user has over 50 groups, or their names are too long for a token. The token has none of them.',
    'Ask the identity provider to send only the groups of this application.',
  ],
  'limiter-failed': [
    'The external rate limiter failed, so the one in memory decided.',
    'Read `error`, and check the limiter itself.',
  ],
  'key-check-failed': [
    '`verifyApiKey` threw, took over 8 seconds, or returned something other than an identity; `detail` says which.',
    'Read `error`, and check your function.',
  ],
  'too-many-unknown-keys': [
    'Too many unknown API keys were sent within a minute.',
    'Find out which caller sends them.',
  ],
  'mcp-server-broke-off': [
    'The response of the MCP server ended before it was complete, and so did that to the client.',
    'Read the log of the MCP server. A server between the two may also limit the time or size of a response.',
  ],
  'mcp-server-unreachable': [
    'The MCP server does not respond.',
    'Check that it runs, and that `mcp` is its address as this server sees it.',
  ],
  'mcp-server-unauthorized': [
    'The MCP server responded with 401: it does not accept the request of this proxy.',
    'Configure the MCP server to trust the proxy, or set `forward` to `upstream-token`.',
  ],
  'hook-failed': [
    'An option that is a function threw, or took over 8 seconds; `detail` names the option.',
    'Read `error`, and check your function.',
  ],
  'handler-failed': [
    'The handler of an MCP server in this process threw.',
    'Read `error`, and check your handler.',
  ],
  'background-work-failed': [
    'Work that continued after the response failed.',
    'Read `error`. The client already has its response.',
  ],
  unexpected: [
    'An unexpected error occurred.',
    'Read `error`. Report it unless it comes from your own code.',
  ],
  'refused-by-application': [
    'Your code refused the request with an `OAuthError`.',
    'Nothing: your own code decided.',
  ],
  'mcp-server-redirects': [
    'The MCP server redirects to an address that no entry of `mcp` leads to.',
    'Compare the URL in `mcp` with the address that the server uses for itself.',
  ],
  'mcp-server-malformed': ['The MCP server sent a status outside 200 to 599.', 'Correct the MCP server.'],
  'descriptors-short': [
    'The process has nearly as many files and connections open as the system allows; `detail` has the numbers.',
    'Raise the limit, such as with `ulimit -n` or `LimitNOFILE`. At the limit, new connections are dropped.',
  ],
  'responses-cut': [
    'The server stopped before every response was complete; `detail` has their number, if it is known.',
    'Raise `drain` or `LOCKGATE_DRAIN` above the longest tool call, and the time that the platform waits before it kills.',
  ],
  'accept-failed': [
    'The server could not accept a connection.',
    'Read `error`. Often the limit of open files is reached.',
  ],
} as const
