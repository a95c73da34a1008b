import assert from 'node:assert/strict'
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js'
import fc from 'fast-check'
import { OAuthError } from '../../src/errors.ts'
import { freshFor } from '../../src/http/cache-lifetime.ts'
import { foreignCookies, HOST_COOKIES, LOOPBACK_COOKIES, readCookies } from '../../src/http/cookies.ts'
import { readForm, toParams } from '../../src/http/params.ts'
import {
  checkAuthorizationRequest,
  chooseRedirectUri,
  readState,
} from '../../src/protocol/authorization-request.ts'
import { bearerChallenge } from '../../src/protocol/challenge.ts'
import { covers, narrowScope, parseScope } from '../../src/protocol/scope.ts'
import { resolveImplied } from '../../src/protocol/scope-hierarchy.ts'
import { tableOf } from '../support/scope-table.ts'
import { orOAuthError } from './or-oauth-error.ts'
import { anyUri } from './redirects.ts'

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'x'.repeat(5000)),
)
const NAMES =
  'response_type client_id redirect_uri code_challenge code_challenge_method state scope resource response_mode __proto__'.split(
    ' ',
  )
const RIGHT: Readonly<Record<string, string>> = {
  response_type: 'code',
  redirect_uri: 'https://client.test/cb',
  code_challenge: 'c'.repeat(43),
  code_challenge_method: 'S256',
  resource: 'https://proxy.test/mcp',
  scope: 'mcp',
}
const pair = fc.oneof(
  fc.tuple(fc.constantFrom(...NAMES), fc.oneof(text, anyUri)),
  fc.constantFrom(...Object.keys(RIGHT)).map((name): [string, string] => [name, RIGHT[name]!]),
)
const client = {
  redirectUris: ['https://client.test/cb', 'http://127.0.0.1/cb'],
  refreshes: true,
  scope: undefined,
}
const server = {
  resources: [{ id: 'https://proxy.test/mcp', scopes: [], defaultScope: ['mcp'] }] as const,
  scopes: tableOf('mcp', 'admin'),
}
const policy = { customSchemes: true, loopbackAliases: false }

/** What passes has a challenge, a scope that is offered, and a place that is registered. */
export const authorizationRequests = fc.property(
  fc.array(pair, { maxLength: 9 }),
  fc.boolean(),
  (changes, right) => {
    const merged = right ? [...new Map([...Object.entries(RIGHT), ...changes])] : changes
    orOAuthError(() => {
      const params = toParams(new URLSearchParams(merged))
      const uri = chooseRedirectUri(params.fields.redirect_uri, client, policy, 'https://proxy.test')
      assert.ok(uri === 'https://client.test/cb' || new URL(uri).hostname === '127.0.0.1')
      readState(params)
      const checked = checkAuthorizationRequest(params, client, server)
      assert.match(checked.challenge, /^[\w-]{43}$/)
      assert.equal(checked.resource, 'https://proxy.test/mcp')
      assert.ok(checked.scope.every((scope) => ['mcp', 'admin', 'offline_access'].includes(scope)))
    })
  },
)

const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
  fc.array(fc.tuple(text, text), { maxLength: 12 }).map((pairs) => new URLSearchParams(pairs).toString()),
  fc.string({ maxLength: 200 }),
  fc.constantFrom(
    '&'.repeat(10_000),
    '='.repeat(10_000),
    'a=b&'.repeat(300),
    '%'.repeat(5000),
    '+%zz&%00=%ff',
  ),
)
const types = fc.constantFrom(
  'application/x-www-form-urlencoded',
  'APPLICATION/x-www-form-urlencoded; charset=utf-8',
  'text/plain',
  '',
)

/** A form is parameters, each once, or a refusal. */
export const forms = fc.asyncProperty(body, types, async (content, type) => {
  const request = new Request('https://proxy.test/token', {
    method: 'POST',
    body: content,
    headers: { 'content-type': type },
  })
  try {
    const { fields, resources } = await readForm(request)
    assert.ok(Object.keys(fields).length + resources.length <= 200)
    for (const value of Object.values(fields)) assert.equal(typeof value, 'string')
  } catch (error) {
    assert.ok(error instanceof OAuthError && error.status < 500, `threw ${error}`)
  }
})

const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 120,
})
const cookies = fc.oneof(
  headerText,
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          '__Host-lockgate-consent-x',
          'lockgate-consent-x',
          '__Host-lockgate-',
          'a',
          '__proto__',
          'constructor',
        ),
        headerText,
      ),
      { maxLength: 8 },
    )
    .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('; ')),
)

/** Only our own cookies are read, and none of them is passed on. */
export const cookieHeaders = fc.property(cookies, (header) => {
  let request: Request
  try {
    request = new Request('https://proxy.test/', { headers: { cookie: header } })
  } catch {
    return
  }
  for (const rule of [HOST_COOKIES, LOOPBACK_COOKIES])
    for (const [name, value] of readCookies(request, rule))
      assert.equal(typeof name + typeof value, 'stringstring')
  assert.doesNotMatch(foreignCookies(header), /(^|;)\s*(__Host-)?lockgate-/)
})

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ09:/._-+!#[]~'), minLength: 1, maxLength: 12 })
const sentence = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0x7e })
    .map((code) => String.fromCharCode(code))
    .filter((c) => c !== '"' && c !== '\\'),
  minLength: 1,
  maxLength: 60,
})

/** A client reads from a challenge what was written into it. */
export const challenges = fc.property(
  fc.array(token, { maxLength: 4 }),
  sentence,
  fc.webPath(),
  (scope, description, path) => {
    const resourceMetadata = `https://proxy.test/.well-known/oauth-protected-resource${encodeURI(path).replaceAll('"', '%22')}`
    const header = bearerChallenge({ resourceMetadata, scope, error: 'invalid_token', description })
    const read = extractWWWAuthenticateParams(
      new Response(null, { status: 401, headers: { 'www-authenticate': header } }),
    )
    assert.equal(read.error, 'invalid_token')
    assert.equal(read.resourceMetadataUrl?.href, new URL(resourceMetadata).href)
    assert.equal(read.scope ?? '', scope.join(' '))
  },
)

const directive = fc.oneof(
  fc.constantFrom('no-store', 'max-age=60', 'max-age=-1', 'max-age="5"', 'max-age=1e9', 'private', ','),
  headerText,
)

/** However an answer's headers look, it is kept for a day at the most. */
export const freshness = fc.property(
  fc.array(directive, { maxLength: 4 }),
  headerText,
  headerText,
  (directives, expires, age) => {
    let headers: Headers
    try {
      headers = new Headers({ 'cache-control': directives.join(','), expires, age })
    } catch {
      return
    }
    const seconds = freshFor(headers)
    assert.ok(seconds >= 0 && seconds <= 86_400, `${seconds}`)
  },
)

/** A narrowed scope is never wider. */
export const scopes = fc.property(
  fc.array(token, { maxLength: 5 }),
  fc.oneof(text, token),
  fc.array(token, { maxLength: 5 }),
  (granted, asked, supported) => {
    const narrowed = orOAuthError(() => narrowScope(granted, parseScope(asked), tableOf(...supported)))
    if (narrowed) assert.ok(narrowed.every((scope) => granted.includes(scope)))
  },
)

const few = fc.constantFrom('a', 'b', 'c', 'd', 'e')

/** With a hierarchy, a narrowed scope permits nothing that the granted one does not permit. */
export const hierarchies = fc.property(
  fc.dictionary(few, fc.array(few, { maxLength: 3 }), { minKeys: 1 }),
  fc.array(few, { maxLength: 3 }),
  fc.array(few, { maxLength: 3 }),
  (implied, granted, asked) => {
    const direct = Object.entries(implied).map(
      ([name, implies]) => [name, { description: name, upstream: [`at-${name}`], implies }] as const,
    )
    const { table, unknown, circle } = resolveImplied(Object.fromEntries(direct))
    if (unknown !== undefined || circle !== undefined) return
    const narrowed = orOAuthError(() => narrowScope(granted, asked, table))
    if (narrowed) {
      for (const name of Object.keys(table))
        if (covers(narrowed, [name], table)) assert.ok(covers(granted, [name], table), name)
    }
    for (const [name, { implies = [], upstream }] of Object.entries(table)) {
      assert.ok(!implies.includes(name))
      for (const one of implies) assert.ok((upstream as string[]).includes(`at-${one}`))
    }
  },
)
