import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { REFUSED_URLS } from '../outbound/addresses.ts'
import { asPage } from '../support/browser.ts'
import { type DocumentServer, startDocumentServer } from '../support/document-server.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  REDIRECT,
  redeemParams,
  refreshParams,
  type System,
  signIn,
  startSystem,
} from '../support/system.ts'

let system: System
let documents: DocumentServer

beforeAll(async () => {
  documents = await startDocumentServer()
  system = await startSystem({ clientDocuments: { loopback: true } })
})
afterAll(() => Promise.all([system.close(), documents.close()]))
beforeEach(() => {
  documents.asked.length = 0
  system.events.length = 0
})

const clientOf = (id: string) => ({ id, secret: undefined, redirectUri: REDIRECT })

let count = 0
/** A path that nobody has asked for, so that nothing is known of it. */
const fresh = () => `/client-${++count}.json`

const authorize = (id: string, params = {}) => system.call(authorizeUrl(system, clientOf(id), params))

async function expectRefusal(response: Response): Promise<void> {
  expect(response.status).toBeGreaterThanOrEqual(400)
  expect(response.status).toBeLessThan(500)
  expect(response.headers.get('content-type')).toContain('text/html')
  expect(response.headers.get('location')).toBeNull()
  await response.body?.cancel()
}

test('a client whose id is the address of its document signs in, refreshes and revokes', async () => {
  const client = clientOf(documents.publish(fresh()))
  const { tokens } = await connect(system, { client })
  const answer = await guarded(system, tokens.access_token)
  expect([answer.status, ((await answer.json()) as { client: string }).client]).toEqual([200, client.id])
  const refreshed = await system.post('/token', refreshParams(client, tokens.refresh_token))
  expect(refreshed.status).toBe(200)
  const { refresh_token: token } = (await refreshed.json()) as { refresh_token: string }
  expect((await system.post('/revoke', { client_id: client.id, token })).status).toBe(200)
  expect((await guarded(system, tokens.access_token)).status).toBe(401)
  expect(documents.asked, 'only the authorization looks it up').toHaveLength(1)
})

test('the page says whose client it is, and what it calls itself', async () => {
  const id = documents.publish(fresh(), { client_name: 'A <b>bold</b> client' })
  const page = asPage(await system.browser().open(authorizeUrl(system, clientOf(id))))
  const text = page.document.text.replace(/\s+/g, ' ')
  expect(page.document.querySelector('.name')?.text).toBe('A <b>bold</b> client')
  expect(page.document.querySelector('main b')).toBeNull()
  expect(text).toContain(`Published at ${id}`)
  expect(text).not.toMatch(/belongs to/)
  expect(text).not.toContain('unverified')
  expect(text).toContain('an app on this computer')
})

test('a document is no vouching for where errors go: a web address gets none before the user approves', async () => {
  const id = documents.publish(fresh())
  const response = await authorize(id, {
    redirect_uri: 'https://app.example/callback',
    response_type: 'token',
  })
  await expectRefusal(response)
})

test('a redirect URI that is not in the document gets an error page', async () => {
  const id = documents.publish(fresh())
  for (const redirect_uri of [
    'https://app.example/callback/',
    'https://evil.example/',
    'http://127.0.0.1:1/x',
  ]) {
    await expectRefusal(await authorize(id, { redirect_uri }))
  }
  const other = await authorize(id, { redirect_uri: 'http://127.0.0.1:61000/callback' })
  expect(other.status, 'the port of a loopback address is free').toBe(200)
})

test.each(REFUSED_URLS)('%j as client id is an error page', async (id) => {
  await expectRefusal(await authorize(id))
  expect(documents.asked).toEqual([])
})

test('without the option for development nothing on loopback is asked', async () => {
  const strict = await startSystem()
  try {
    const id = documents.publish(fresh())
    await expectRefusal(await strict.call(authorizeUrl(strict, clientOf(id))))
    expect(documents.asked).toEqual([])
  } finally {
    await strict.close()
  }
})

describe('a document is refused', () => {
  test.each<[string, Record<string, unknown>]>([
    ['without client_id', { client_id: undefined }],
    ['with another client_id', { client_id: 'https://app.example/client.json' }],
    ['with a name that is no text', { client_name: ['x'] }],
    ['without redirect_uris', { redirect_uris: undefined }],
    ['with no redirect_uris', { redirect_uris: [] }],
    ['with a script as only redirect URI', { redirect_uris: ['javascript:alert(1)'] }],
    ['with http on another host only', { redirect_uris: ['http://app.example/'] }],
    ['with a secret', { client_secret: 'a secret' }],
    ['with the expiry of a secret', { client_secret_expires_at: 0 }],
    ['with client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }],
    ['with client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['with client_secret_jwt', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['with a method that is not offered', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['without the code grant', { grant_types: ['client_credentials'] }],
    ['with members of a wrong type', { grant_types: 'authorization_code' }],
    ['over five kilobytes', { padding: 'a'.repeat(5 * 1024) }],
  ])('%s', async (_what, changes) => {
    await expectRefusal(await authorize(documents.publish(fresh(), changes)))
    expect(documents.asked).toHaveLength(1)
  })

  test.each<[string, number, Record<string, string>, string]>([
    ['that is a redirect', 302, { location: '/elsewhere' }, ''],
    ['with another status', 206, {}, '{}'],
    ['that is not there', 404, {}, '{}'],
    ['that is a page', 200, { 'content-type': 'text/html' }, '{}'],
    ['that is a list', 200, {}, '[]'],
    ['that is null', 200, {}, 'null'],
    ['that is no JSON', 200, {}, '{'],
  ])('%s', async (_what, status, headers, body) => {
    const id = documents.put(fresh(), (_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body),
    )
    await expectRefusal(await authorize(id))
    expect(documents.asked, 'and nothing else is asked for').toHaveLength(1)
  })

  test('and its name, not a word of it, is what the log says', async () => {
    await expectRefusal(await authorize(documents.publish(fresh(), { client_id: 'SENTINEL' })))
    expect(system.events).toHaveLength(1)
    expect(system.events[0]).toMatchObject({
      type: 'refused',
      code: 'invalid_request',
      reason: 'client-metadata-refused',
      detail: 'client_id must be the address of the document',
    })
    expect(JSON.stringify(system.events)).not.toContain('SENTINEL')
  })
})

test('a document may offer several ways, of which those that work count', async () => {
  const id = documents.publish(fresh(), {
    token_endpoint_auth_method: undefined,
    token_endpoint_auth_methods_supported: ['tls_client_auth', 'none'],
  })
  await connect(system, { client: clientOf(id) })
})

test.each<[string, Record<string, unknown>, string | undefined, boolean]>([
  ['names no grant types and asks for nothing', {}, undefined, false],
  ['asks for offline_access', {}, 'mcp offline_access', true],
  ['names offline_access in its document', { scope: 'mcp offline_access' }, undefined, true],
  ['names the code grant alone', { grant_types: ['authorization_code'] }, 'mcp offline_access', false],
])('a client that %s gets a refresh token or not', async (_what, members, scope, gets) => {
  const id = documents.publish(fresh(), { grant_types: undefined, ...members })
  const { tokens } = await connect(system, {
    client: clientOf(id),
    ...(scope !== undefined && { params: { scope } }),
  })
  expect(tokens.refresh_token !== undefined).toBe(gets)
  if (gets)
    expect((await system.post('/token', refreshParams(clientOf(id), tokens.refresh_token))).status).toBe(200)
})

test.each<[string, Record<string, unknown>]>([
  ['null members', { scope: null, grant_types: null, response_types: null, jwks: null, jwks_uri: null }],
  ['members that nothing here uses', { logo_uri: 1, contacts: 'x', jwks: 'x', jwks_uri: 'javascript:x' }],
  ['a long name', { client_name: 'x'.repeat(2000) }],
  [
    'a bad redirect URI next to a good one',
    { redirect_uris: ['javascript:x', 'http://app.example/', REDIRECT] },
  ],
])('a document with %s is good', async (_what, members) => {
  await connect(system, { client: clientOf(documents.publish(fresh(), members)) })
})

test('a client without a name is called by the host of its document', async () => {
  const id = documents.publish(fresh(), { client_name: null })
  const page = asPage(await system.browser().open(authorizeUrl(system, clientOf(id))))
  expect(page.document.querySelector('.name')?.text).toBe(new URL(id).host)
})

test('a document that is refused names the member on the page', async () => {
  const id = documents.publish(fresh(), { grant_types: 'authorization_code' })
  const page = asPage(await system.browser().open(authorizeUrl(system, clientOf(id))))
  expect(page.document.text).toContain('grant_types must be a list of texts')
})

describe('a document is kept', () => {
  test.each<[string, Record<string, string>, number]>([
    ['for a while by itself', {}, 1],
    ['as long as max-age says', { 'cache-control': 'max-age=600' }, 1],
    ['not at all with no-store', { 'cache-control': 'no-store' }, 2],
    ['not at all where it has expired', { expires: '0' }, 2],
    ['not past the age it arrives with', { 'cache-control': 'max-age=60', age: '60' }, 2],
  ])('%s', async (_how, headers, requests) => {
    const id = documents.publish(fresh(), {}, headers)
    await (await authorize(id)).body?.cancel()
    await (await authorize(id)).body?.cancel()
    expect(documents.asked).toHaveLength(requests)
  })

  test('for a day at the most', async () => {
    const id = documents.publish(fresh(), {}, { 'cache-control': 'max-age=99999999' })
    await (await authorize(id)).body?.cancel()
    system.clock.ahead += 24 * 60 * 60 - 60
    await (await authorize(id)).body?.cancel()
    expect(documents.asked).toHaveLength(1)
    system.clock.ahead += 120
    await (await authorize(id)).body?.cancel()
    expect(documents.asked).toHaveLength(2)
  })
})

test('what failed once works at once when it is repaired', async () => {
  const path = fresh()
  const id = documents.put(path, (_request, response) => response.writeHead(500).end())
  await expectRefusal(await authorize(id))
  documents.publish(path)
  expect((await authorize(id)).status).toBe(200)
})

test('an address that fails again and again is left alone for a moment', async () => {
  const path = fresh()
  const id = documents.put(path, (_request, response) => response.writeHead(500).end())
  for (let attempt = 0; attempt < 20; attempt++) await (await authorize(id)).body?.cancel()
  expect(documents.asked.length).toBeLessThanOrEqual(3)
  documents.publish(path)
  system.clock.ahead += 11
  expect((await authorize(id)).status).toBe(200)
})

test('fifty requests at once ask once, whether it answers or fails', async () => {
  const bad = documents.put(fresh(), (_request, response) => response.writeHead(500).end())
  for (const id of [bad, documents.publish(fresh(), {}, { 'cache-control': 'no-store' })]) {
    documents.asked.length = 0
    const answers = await Promise.all(Array.from({ length: 50 }, () => authorize(id)))
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1)
    expect(documents.asked).toHaveLength(1)
  }
})

test('many addresses of one host are asked for a few at a time', async () => {
  let [now, most] = [0, 0]
  const ids = Array.from({ length: 30 }, () =>
    documents.put(fresh(), (_request, response) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now--
        response.writeHead(404).end()
      }, 50)
    }),
  )
  const answers = await Promise.all(ids.map((id) => authorize(id)))
  expect(most).toBeLessThanOrEqual(4)
  expect(answers.some(({ status }) => status === 503)).toBe(true)
})

test('what changes after the request changes nothing of it', async () => {
  const path = fresh()
  const client = clientOf(documents.publish(path, {}, { 'cache-control': 'no-store' }))
  const browser = system.browser()
  const page = asPage(await browser.open(authorizeUrl(system, client)))
  documents.publish(path, { redirect_uris: ['https://evil.example/'], client_name: 'Other' })
  const next = await browser.submit(page, { decision: 'deny' }, { stopAt: REDIRECT })
  expect(String(next)).toContain(REDIRECT)
  expect(documents.asked).toHaveLength(1)
})

describe('the token endpoint', () => {
  test('asks for no document, known or unknown', async () => {
    const id = documents.publish(fresh())
    const made = 'A'.repeat(22)
    const code = `${made}.${made}.${'a'.repeat(27)}`
    const client = clientOf(id)
    const answers = [
      await system.post('/token', redeemParams(client, { code, verifier: 'v'.repeat(43) })),
      await system.post('/token', redeemParams(client, { code: 'nonsense', verifier: 'v'.repeat(43) })),
      await system.post('/token', refreshParams(client, 'nonsense')),
    ]
    for (const answer of answers) expect(await outcome(answer)).toEqual([400, 'invalid_grant'])
    expect((await system.post('/revoke', { client_id: id, token: 'nonsense' })).status).toBe(200)
    expect(documents.asked).toEqual([])
  })

  test('refuses an id that could be no client', async () => {
    for (const id of [
      'https://app.example',
      'https://10.0.0.1/client.json',
      'http://app.example/client.json',
    ]) {
      expect(await outcome(await system.post('/token', refreshParams(clientOf(id), 'x')))).toEqual([
        401,
        'invalid_client',
      ])
    }
  })

  test('keeps the grants of two documents apart, and those of registered clients', async () => {
    const [own, other] = [clientOf(documents.publish(fresh())), clientOf(documents.publish(fresh()))]
    await connect(system, { client: other })
    const signedIn = await signIn(system, own)
    const stolen = { ...redeemParams(own, signedIn), client_id: other.id }
    expect(await outcome(await system.post('/token', stolen))).toEqual([400, 'invalid_grant'])
    const registered = await connect(system)
    const theirs = refreshParams(own, registered.tokens.refresh_token)
    expect(await outcome(await system.post('/token', theirs))).toEqual([400, 'invalid_grant'])
    expect((await system.post('/token', redeemParams(own, signedIn))).status).toBe(200)
  })

  test('takes no secret of such a client', async () => {
    const client = clientOf(documents.publish(fresh()))
    const signedIn = await signIn(system, client)
    const params = { ...redeemParams(client, signedIn), client_secret: 'a secret' }
    expect(await outcome(await system.post('/token', params))).toEqual([401, 'invalid_client'])
  })
})

describe('the operator', () => {
  test('may turn documents off, and then nothing is advertised or asked', async () => {
    const off = await startSystem({ clientDocuments: { accept: false, loopback: true } })
    try {
      const metadata = (await (await off.call('/.well-known/oauth-authorization-server')).json()) as object
      expect(metadata).not.toHaveProperty('client_id_metadata_document_supported')
      await expectRefusal(await off.call(authorizeUrl(off, clientOf(documents.publish(fresh())))))
      expect(documents.asked).toEqual([])
    } finally {
      await off.close()
    }
  })

  test('may say which hosts publish documents', async () => {
    const listed = await startSystem({ clientDocuments: { hosts: ['app.invalid', '*.example.invalid'] } })
    const reasonFor = async (id: string) => {
      listed.events.length = 0
      await expectRefusal(await listed.call(authorizeUrl(listed, clientOf(id))))
      return listed.events[0]?.detail ?? listed.events[0]?.reason
    }
    const unlisted = 'its host is not in the list'
    try {
      expect(await reasonFor('https://other.invalid/client.json')).toBe(unlisted)
      expect(await reasonFor('https://example.invalid/client.json')).toBe(unlisted)
      expect(await reasonFor('https://notexample.invalid/client.json')).toBe(unlisted)
      expect(await reasonFor('https://app.invalid:8443/client.json')).toBe(unlisted)
      expect(await reasonFor('https://app.invalid/client.json'), 'asked for').toBe(
        'client-metadata-unavailable',
      )
      expect(await reasonFor('https://a.b.example.invalid/client.json')).toBe('client-metadata-unavailable')
    } finally {
      await listed.close()
    }
  })

  test('cannot open loopback to strangers in production', async () => {
    await expect(
      startSystem({ url: 'https://gate.example', clientDocuments: { loopback: true } }),
    ).rejects.toThrow('clientDocuments.loopback')
  })
})
