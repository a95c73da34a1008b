import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { createProxy } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'

/*
 * Assertions of any shape at the token endpoint, and tokens of workloads of any shape at the MCP server. Many are signed with
 * the right key, so that the checks behind the signature meet values of every kind, too.
 */

const URL_OF_PROXY = 'https://proxy.test'
const ISSUER = 'https://issuer.test'
const SECRET = 'the secret of an enterprise client'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }
const fetches: string[] = []
const writes: string[] = []
const storage = memory()

const proxy = createProxy({
  url: URL_OF_PROXY,
  secret: 'a secret of the tests, long enough to be one',
  storage: {
    ...storage,
    set: async (key, value, ttl) => {
      writes.push(key)
      return storage.set(key, value, ttl)
    },
    swap: async (key, version, value, ttl) => {
      const swapped = await storage.swap(key, version, value, ttl)
      // A second assertion with the same `jti` finds the record of the first, and writes nothing.
      if (swapped) writes.push(key)
      return swapped
    },
  },
  upstream: oidc({ issuer: 'https://idp.test', clientId: 'x', clientSecret: 'y' }),
  mcp: async () => new Response('in'),
  clients: [{ clientId: 'claude', clientSecret: SECRET, redirectUris: ['https://app.test/'] }],
  trustedIssuers: [
    {
      issuer: ISSUER,
      use: ['id-jag', 'workload', 'bearer'],
      jwks: { keys: [jwk] },
      algorithms: ['ES256'],
      rules: [{ name: 'job', match: { sub: 'job', 'kubernetes.io': { uid: '1' } }, scopes: ['mcp'] }],
    },
  ],
  limits: false,
  fetch: async (url) => {
    fetches.push(url)
    throw new TypeError('no network')
  },
})

const now = () => Math.floor(Date.now() / 1000)
const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null')).toString('base64url')

function signed(header: unknown, claims: unknown): string {
  const body = `${encode(header)}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(body), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${body}.${signature.toString('base64url')}`
}

const oddity = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('', 'x'.repeat(3000), 1e308, -1, 0.5, '__proto__', [[]], { toString: 1 }, null, true),
)
const NAMES = [
  ...[
    'iss',
    'sub',
    'aud',
    'exp',
    'iat',
    'nbf',
    'jti',
    'client_id',
    'resource',
    'scope',
    'tenant',
    'cnf',
    'act',
  ],
  ...['email', 'email_verified', 'kubernetes.io', '__proto__', 'constructor', 'toString', 'events', 'name'],
]
const claims = fc
  .tuple(
    fc.constantFrom('ann', 'job'),
    fc.dictionary(fc.constantFrom(...NAMES), oddity, { maxKeys: 3 }),
    fc.uuid(),
  )
  .map(([sub, odd, jti]) => ({
    iss: ISSUER,
    sub,
    aud: URL_OF_PROXY,
    client_id: 'claude',
    jti,
    iat: now(),
    exp: now() + 60,
    'kubernetes.io': { uid: '1' },
    ...odd,
  }))
const header = fc
  .tuple(
    fc.constantFrom('oauth-id-jag+jwt', 'JWT', undefined, 'at+jwt'),
    fc.dictionary(
      fc.constantFrom('alg', 'kid', 'typ', 'crit', 'jku', 'jwk', 'x5u', 'b64', '__proto__'),
      oddity,
      {
        maxKeys: 2,
      },
    ),
  )
  .map(([typ, odd]) => ({ alg: 'ES256', kid: 'one', typ, ...odd }))

const assertion = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(header, claims).map(([head, body]) => signed(head, body)) },
  { weight: 2, arbitrary: fc.tuple(oddity, oddity).map(([head, body]) => signed(head, body)) },
  {
    weight: 1,
    arbitrary: fc.array(fc.base64String({ maxLength: 40 }), { maxLength: 6 }).map((all) => all.join('.')),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }) },
)

async function answerOf(request: Request): Promise<{ status: number; code: string | undefined }> {
  const response = await proxy.fetch(request)
  const text = await response.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as { error?: string }) : {}
  return { status: response.status, code: body.error }
}

/** How often each status was reached. */
export const reached: Map<number, number> = new Map<number, number>()

const REFUSALS = ['invalid_grant', 'invalid_request', 'invalid_scope', 'invalid_target']

/** A refused assertion is 400, fetches nothing and stores nothing. */
export const exchanges = fc.asyncProperty(
  assertion,
  fc.option(fc.string({ maxLength: 20 })),
  async (text, scope) => {
    writes.length = 0
    fetches.length = 0
    const body = new URLSearchParams({
      grant_type: GRANT,
      client_id: 'claude',
      client_secret: SECRET,
      assertion: text,
      ...(scope !== null && { scope }),
    })
    const { status, code } = await answerOf(new Request(`${URL_OF_PROXY}/token`, { method: 'POST', body }))
    if (fetches.length > 0) throw new Error(`it fetched ${fetches[0]}`)
    reached.set(status, (reached.get(status) ?? 0) + 1)
    if (status === 200) return
    if (status !== 400 || !REFUSALS.includes(code ?? '')) throw new Error(`it answered ${status} ${code}`)
    if (writes.length > 0) throw new Error(`it wrote ${writes[0]}`)
  },
)

/** A token of a workload is 200, 401 or 403 at the MCP server, and stores nothing. */
export const bearers = fc.asyncProperty(assertion, async (text) => {
  writes.length = 0
  const headers = new Headers()
  try {
    headers.set('authorization', `Bearer ${text}`)
  } catch {
    return
  }
  const { status } = await answerOf(
    new Request(`${URL_OF_PROXY}/mcp`, { method: 'POST', headers, body: '{}' }),
  )
  reached.set(status, (reached.get(status) ?? 0) + 1)
  if (![200, 401, 403].includes(status)) throw new Error(`it answered ${status}`)
  if (writes.length > 0) throw new Error(`it wrote ${writes[0]}`)
})
