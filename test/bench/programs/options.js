/**
 * The options of Lockgate under measurement, the same on every runtime.
 *
 * @param modules The built package.
 * @param env `PORT`, `PROVIDER_URL`, `MCP_URL` for a server behind, and what a measurement adds.
 */
export function optionsOf({ oauth2, memory }, env) {
  const provider = env.PROVIDER_URL
  return {
    url: env.PUBLIC_URL ?? `http://localhost:${env.PORT}`,
    secret: 'a secret of the benchmark, long enough to be one',
    storage: memory(),
    upstream: oauth2({
      clientId: 'client',
      clientSecret: 'secret',
      issuer: provider,
      authorizationEndpoint: `${provider}/authorize`,
      tokenEndpoint: `${provider}/token`,
      userinfoEndpoint: `${provider}/user`,
      identity: { subject: 'id' },
    }),
    mcp: env.MCP_URL ? serversOf(env) : handler,
    ...(env.RULES && { scopes: { mcp: { description: 'Use', default: true }, write: 'Write' } }),
    ...(env.FORWARD_AUTH_SECRET && { forwardAuth: { proxy: 'nginx', secret: env.FORWARD_AUTH_SECRET } }),
    ...(env.API_KEY_HASH && { apiKeys: [{ name: 'bench', keyHash: env.API_KEY_HASH }] }),
    limits: { address: 1e9, client: 1e9, user: 1e9, failures: 1e9, streams: 1e6, allStreams: 1e6 },
  }
}

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'hello' }] } })
async function handler(request) {
  await request.text()
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}

/** Rules for tools at the server that is measured, or at another one. */
function serversOf(env) {
  const rules = { tools: { 'delete_*': 'write', '*': 'mcp' } }
  const measured = { path: '/mcp', url: env.MCP_URL, ...(env.RULES === 'here' && rules) }
  return env.RULES === 'elsewhere' ? [measured, { path: '/other', url: env.MCP_URL, ...rules }] : measured
}
