import assert from 'node:assert/strict'
import fc from 'fast-check'
import { documentUrlProblem } from '../../src/protocol/document-url.ts'
import {
  describeRedirect,
  isLoopback,
  isRegistrable,
  matchesRedirectUri,
  withResponse,
} from '../../src/protocol/redirect-uri.ts'
import { canonicalResource } from '../../src/protocol/resource.ts'
import { LOOK_ALIKES, NOT_REGISTRABLE } from '../protocol/redirect-uris.ts'
import { orOAuthError } from './or-oauth-error.ts'

const policy = { customSchemes: true, loopbackAliases: false }
const SCRIPTS = /^(javascript|data|vbscript|file|blob|about|view-source|filesystem):/i

const part = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('%2e', '..', '@', '\\', '#', '?', ':', '//'),
)
const scheme = fc.constantFrom(
  'https',
  'http',
  'HTTPS',
  'javascript',
  'cursor',
  'com.example.app',
  'data',
  'file',
  ' https',
  'ht\ttps',
  'ws',
)
const host = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constantFrom(
    'localhost',
    '127.0.0.1',
    '[::1]',
    'client.test',
    '127.1',
    '0x7f.1',
    '2130706433',
    'localhost.',
    'LOCALHOST',
  ),
)
/** Addresses of every kind, most of them nearly right. */
export const anyUri = fc.oneof(
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc
    .tuple(scheme, fc.constantFrom('://', ':/', ':', ':\\\\'), part, host, part, part)
    .map((parts) => parts.join('')),
  fc.tuple(scheme, host, fc.nat(70_000), part).map(([s, h, port, path]) => `${s}://${h}:${port}/${path}`),
  fc
    .tuple(fc.constantFrom(...LOOK_ALIKES, ...NOT_REGISTRABLE.map(([, uri]) => uri)), part)
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
)

/** What may be registered is safe to send a browser to, and keeps its own query when it is. */
export const redirectUris = fc.property(
  anyUri,
  fc.string({ unit: 'binary', maxLength: 30 }),
  (uri, state) => {
    if (!isRegistrable(uri, policy)) return
    assert.match(uri, /^[\x21-\x7e]+$/)
    assert.doesNotMatch(uri, SCRIPTS)
    assert.doesNotMatch(uri, /[\\#]/)
    const url = new URL(uri)
    assert.equal(url.username + url.password, '')
    if (url.protocol === 'http:') assert.ok(isLoopback(uri))
    assert.ok(describeRedirect(uri).target.length > 0)
    const answer = new URL(withResponse(uri, { code: 'c', state, iss: 'https://proxy.test' }))
    assert.equal(answer.protocol + answer.host + answer.pathname, url.protocol + url.host + url.pathname)
    assert.equal(answer.searchParams.get('code'), 'c')
    assert.equal(answer.searchParams.getAll('iss').length, 1)
    assert.equal(answer.searchParams.get('state'), state)
  },
)

/** Two addresses are the same only if they are the same text, or one loopback address on two ports. */
export const redirectMatches = fc.property(anyUri, anyUri, (requested, registered) => {
  if (!matchesRedirectUri(requested, [registered], policy) || requested === registered) return
  const [a, b] = [new URL(requested), new URL(registered)]
  assert.ok(isLoopback(requested) && isLoopback(registered))
  assert.deepEqual([a.hostname, a.pathname, a.search], [b.hostname, b.pathname, b.search])
})

/** Whatever may be fetched is https, at a full name, on the usual port. */
export const documentUrls = fc.property(anyUri, (text) => {
  if (documentUrlProblem(text, { hosts: undefined, loopback: false }) !== undefined) return
  const url = new URL(text)
  assert.deepEqual([url.protocol, url.port, url.username, url.hash], ['https:', '', '', ''])
  assert.match(url.hostname, /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z0-9-]*[a-z-]$/i)
})

/** A resource has one form; one slash behind it changes nothing, more of them do. */
export const resources = fc.property(anyUri, (text) => {
  const form = orOAuthError(() => canonicalResource(text))
  if (form === undefined) return
  if (!form.endsWith('/')) assert.equal(canonicalResource(form), form)
  assert.doesNotMatch(form, /[#?]/)
})
