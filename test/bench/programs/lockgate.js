/** Lockgate on the runtime that runs this file, in front of MCP_URL or of a handler in the process. */
const dist = new URL('../../../dist/', import.meta.url).href
const load = (path) => import(`${dist}${path}.js`)
const runtime = globalThis.Bun ? 'bun' : globalThis.Deno ? 'deno' : 'node'
const [{ createProxy }, { oauth2 }, { memory }, { serve, stopOnSignals }] = await Promise.all(
  ['index', 'providers/oauth2', 'storage/memory', runtime].map(load),
)
const { env } = await import('node:process')
const port = Number(env.PORT)
const provider = env.PROVIDER_URL

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'hello' }] } })
const handler = async (request) => {
  await request.text()
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}

/** Rules for tools at the server that is measured, or at another one. */
const servers = () => {
  const rules = { tools: { 'delete_*': 'write', '*': 'mcp' } }
  const measured = { path: '/mcp', url: env.MCP_URL, ...(env.RULES === 'here' && rules) }
  return env.RULES === 'elsewhere' ? [measured, { path: '/other', url: env.MCP_URL, ...rules }] : measured
}

const proxy = createProxy({
  url: env.PUBLIC_URL ?? `http://localhost:${port}`,
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
  mcp: env.MCP_URL ? servers() : handler,
  ...(env.RULES && { scopes: { mcp: { description: 'Use', default: true }, write: 'Write' } }),
  ...(env.FORWARD_AUTH_SECRET && { forwardAuth: { proxy: 'nginx', secret: env.FORWARD_AUTH_SECRET } }),
  ...(env.API_KEY_HASH && { apiKeys: [{ name: 'bench', keyHash: env.API_KEY_HASH }] }),
  limits: { address: 1e9, client: 1e9, user: 1e9, failures: 1e9, streams: 1e6, allStreams: 1e6 },
})
stopOnSignals(await serve(proxy, { port, delay: Number(env.DELAY ?? 0) }))
