import { createProxy } from 'lockgate'
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
    upstream: oidc({
      issuer: env.PROVIDER_ISSUER,
      clientId: env.PROVIDER_CLIENT_ID,
      clientSecret: env.PROVIDER_CLIENT_SECRET,
    }),
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
    public: createProxy({ ...strict, url: 'https://gate.example/gate' }),
  }
  return {
    async fetch(request, ...native) {
      const name = request.headers.get('x-test-instance') ?? 'main'
      if (name === 'events') return Response.json(events)
      if (name === 'store') return Response.json(await onStore(storage, await request.json()))
      return instances[name].fetch(request, ...native)
    },
  }
}

async function onStore(storage, { op, key, value }) {
  if (op === 'set') return storage.set(key, value, 600).then(() => null)
  const records = {}
  for await (const name of storage.keys('')) records[name] = (await storage.get(name)).value
  return records
}
