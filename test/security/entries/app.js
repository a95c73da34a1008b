import { createProxy, exchange } from 'lockgate'
import { microsoft } from 'lockgate/providers/microsoft'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'

const [FORMER, CURRENT] = [
  'the former secret of the tests, long enough',
  'the current secret of the tests, long too',
]

/**
 * Several proxies on one storage in one process. The header `x-test-instance` says which one answers; `store` and
 * `events` show what an attacker with a copy of the storage or of the log would have.
 */
export function app(env) {
  const storage = memory()
  const events = []
  const options = {
    url: env.TEST_URL,
    secret: FORMER,
    upstream: providerOf(env),
    storage,
    mcp: [
      { path: '/mcp', url: env.BEHIND_URL },
      {
        path: '/other',
        handler: async (_request, { upstream }) => Response.json({ token: await upstream.accessToken() }),
      },
    ],
    scopes: { mcp: 'Use the tools', admin: 'Change the settings' },
    clients: [
      { clientId: 'signing', redirectUris: [env.REDIRECT], jwks: JSON.parse(env.CLIENT_JWKS) },
      { clientId: 'reader', redirectUris: [env.REDIRECT], scopes: ['mcp'] },
      { clientId: 'secretive', clientSecret: 'the secret of a client', redirectUris: [env.REDIRECT] },
    ],
    clientDocuments: { loopback: true },
    refreshGrace: 1,
    revocationLag: 0,
    on: { event: (event) => events.push(event) },
  }
  const { clientDocuments: _, ...strict } = options
  const instances = {
    main: createProxy(options),
    /** Another process: nothing of the first one's memory. */
    twin: createProxy(options),
    rotated: createProxy({ ...options, secret: [CURRENT, FORMER] }),
    retired: createProxy({ ...options, secret: CURRENT }),
    /** As it would stand in public. */
    strict: createProxy(strict),
    /** A server below another one, which needs more. */
    nested: createProxy({
      ...options,
      mcp: [
        { path: '/mcp', url: env.BEHIND_URL },
        { path: '/mcp/admin', url: new URL('admin', env.BEHIND_URL).href, scopes: ['admin'] },
        { path: '/fixed', url: `${new URL('request', env.BEHIND_URL).href}?tenant=fixed&role=user` },
      ],
    }),
    /** Two tenants that share one application at the provider. */
    tenants: createProxy({
      ...options,
      apiKeys: undefined,
      upstream: (request) =>
        providerOf(env, { organization: request.headers.get('x-test-tenant') ?? 'acme' }),
    }),
    /** Only one person may sign in, whose address has look-alikes. */
    narrow: createProxy({ ...options, allow: ['mike@example.com', 'eve@example.com'] }),
    /** After one of them has left. */
    narrower: createProxy({ ...options, allow: ['mike@example.com'] }),
    /** Hooks that answer with characters no description may have. */
    talkative: createProxy({
      ...options,
      registrationPolicy: () => ({ error: 'unapproved', description: 'say "no"\r\nX-Evil: 1 \\ \u2028é' }),
    }),
    /** With limits of its own, and addresses that the attack chooses. */
    limited: createProxy({
      ...options,
      limits: { address: 60 },
      clientAddress: (request) => request.headers.get('x-test-address') ?? undefined,
    }),
    /** A server that anyone may call, with limits of its own, and addresses that the attack chooses. */
    open: createProxy({
      ...options,
      mcp: { path: '/mcp', url: env.BEHIND_URL, public: { tools: ['search'] } },
      limits: { anonymous: 200, streams: 20 },
      clientAddress: (request) => request.headers.get('x-test-address') ?? undefined,
    }),
    issuers: createProxy(withIssuers(env, options)),
    issuersTwin: createProxy(withIssuers(env, options)),
    public: createProxy({ ...strict, url: 'https://gate.example/gate' }),
    /** With https, which something in front removes, and with approvals that are remembered. */
    remembering: createProxy({
      ...options,
      url: env.TEST_URL.replace('http:', 'https:'),
      limits: false,
      clients: ['intranet', 'intranet-too'].map((clientId) => ({
        clientId,
        name: 'Intranet',
        redirectUris: ['https://intranet.example/callback', 'https://intranet.example/other'],
      })),
      consent: { remember: '30d' },
    }),
  }
  return {
    async fetch(request, ...native) {
      const name = request.headers.get('x-test-instance') ?? 'main'
      if (name === 'events') return Response.json(events)
      if (name === 'rules') return Response.json(judgeRules(options, await request.json()))
      if (name === 'store') return Response.json(await onStore(storage, await request.json()))
      return instances[name].fetch(request, ...native)
    },
  }
}

/** Trusted issuers, servers with signed tokens, and one whose token the provider exchanges. */
function withIssuers(env, options) {
  const entry = {
    jwks: JSON.parse(env.CLIENT_JWKS),
    algorithms: ['ES256'],
    resources: [`${env.TEST_URL}/mcp`, `${env.TEST_URL}/second`],
  }
  const rule = exchange({ audience: 'api://tools', scope: { mcp: 'tools.read', admin: 'tools.admin' } })
  return {
    ...options,
    // Guesses are counted elsewhere. Here each of them has to fail by itself.
    limits: false,
    mcp: [
      { path: '/mcp', url: env.BEHIND_URL, accessToken: { format: 'jwt' }, identity: {} },
      { path: '/second', url: env.BEHIND_URL, accessToken: { format: 'jwt' } },
      { path: '/exchanged', url: env.BEHIND_URL, upstreamToken: rule },
    ],
    trustedIssuers: [
      { ...entry, issuer: 'https://idp.example', use: ['id-jag'] },
      {
        ...entry,
        issuer: 'https://ci.example',
        use: ['workload'],
        rules: [{ name: 'deploy', match: { sub: 'deploy' }, scopes: ['mcp'] }],
      },
    ],
  }
}

function providerOf(env, params = {}) {
  return oidc({
    issuer: env.PROVIDER_ISSUER,
    clientId: env.PROVIDER_CLIENT_ID,
    clientSecret: env.PROVIDER_CLIENT_SECRET,
    params,
  })
}

/** Returns what is wrong with a list of rules, where users of any directory of Microsoft can sign in. */
function judgeRules(options, allow) {
  const upstream = microsoft({ clientId: 'a', clientSecret: 'b', tenant: 'organizations' })
  try {
    createProxy({ ...options, upstream, allow })
    return []
  } catch (error) {
    return error.issues.map(({ path, message }) => `${path}: ${message}`)
  }
}

async function onStore(storage, { op, key, value }) {
  if (op === 'set') return storage.set(key, value, 600).then(() => null)
  const records = {}
  for await (const name of storage.keys('')) records[name] = (await storage.get(name)).value
  return records
}
