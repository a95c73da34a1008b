import { oidc } from 'lockgate/providers/oidc'

/** An MCP server in the same process, as far as this suite is concerned. */
async function here(request, { user, upstream }) {
  const text = await new Request(request, { headers: { 'x-copy': 'yes' } }).text()
  return Response.json({
    text,
    method: request.method,
    email: user.email,
    token: await upstream.accessToken(),
  })
}

const rules = { tools: { 'delete_*': 'write' }, list: 'granted' }

/** What is the same on every runtime. */
export const options = (env) => ({
  url: env.TEST_URL,
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({
    issuer: env.PROVIDER_ISSUER,
    clientId: env.PROVIDER_CLIENT_ID,
    clientSecret: env.PROVIDER_CLIENT_SECRET,
  }),
  scopes: { mcp: { description: 'Use the tools of this server', default: true }, write: 'Write' },
  mcp: [
    { path: '/mcp', url: env.MCP_URL },
    { path: '/stream', url: env.STREAM_URL },
    { path: '/here', handler: here },
    { path: '/rules', url: env.STREAM_URL, ...rules },
    { path: '/open', url: `${env.STREAM_URL}rpc`, ...rules, public: { tools: ['search'] } },
    { path: '/rules-here', handler: here, ...rules },
    { path: '/signed', url: env.STREAM_URL, accessToken: { format: 'jwt' }, identity: {} },
  ],
  clients: [
    {
      clientId: 'enterprise',
      clientSecret: 'the secret of an enterprise client',
      redirectUris: ['http://localhost'],
    },
  ],
  ...(env.ASSERTION_ISSUER && {
    trustedIssuers: [{ issuer: env.ASSERTION_ISSUER, use: ['id-jag'], replay: env.ASSERTION_REPLAY }],
  }),
  revocationLag: 0,
})
