import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readClientDocument } from '../../src/protocol/client-document.ts'
import { readClientMetadata } from '../../src/protocol/client-metadata.ts'
import { isRegistrable } from '../../src/protocol/redirect-uri.ts'
import { readName } from '../../src/protocol/shown-name.ts'
import { orOAuthError } from './or-oauth-error.ts'
import { anyUri } from './redirects.ts'

const policy = { customSchemes: true, loopbackAliases: false }
const URL_OF = 'https://client.test/client.json'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('__proto__', 'a'.repeat(3000), '\u202e', ''),
)
const anything = fc.oneof(text, fc.jsonValue(), fc.constant(undefined))
const uris = fc.oneof(
  fc.constant(['https://client.test/cb']),
  fc.array(anyUri, { maxLength: 12 }),
  fc.jsonValue(),
)
const members = {
  client_id: fc.oneof(fc.constant(URL_OF), anything),
  redirect_uris: uris,
  client_name: fc.oneof(text, fc.jsonValue()),
  token_endpoint_auth_method: fc.oneof(
    fc.constantFrom('none', 'private_key_jwt', 'client_secret_post'),
    anything,
  ),
  grant_types: fc.oneof(fc.constant(['authorization_code', 'refresh_token']), anything),
  response_types: fc.oneof(fc.constant(['code']), anything),
  scope: fc.oneof(fc.constant('mcp'), anything),
  jwks: fc.oneof(fc.constant({ keys: [{ kty: 'EC' }] }), anything),
  jwks_uri: fc.oneof(anyUri, anything),
  logo_uri: fc.oneof(anyUri, anything),
  client_uri: fc.oneof(anyUri, anything),
}
const metadata = fc.oneof(
  { weight: 6, arbitrary: fc.record(members, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.jsonValue() },
)

const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** What is accepted of a registration is safe to show and to send people to. */
export const clientMetadata = fc.property(metadata, (body) => {
  const client = orOAuthError(() =>
    readClientMetadata(body, { redirectUris: policy, ownOrigin: 'https://proxy.test' }),
  )
  if (!client) return
  assert.ok(client.redirectUris.length > 0 && client.redirectUris.length <= 10)
  assert.ok(client.redirectUris.every((uri) => isRegistrable(uri, policy)))
  if (client.name !== undefined) assert.doesNotMatch(client.name, DECEPTIVE)
})

export const clientDocuments = fc.property(metadata, (body) => {
  const client = orOAuthError(() => readClientDocument(URL_OF, body, { hosts: undefined, loopback: false }))
  if (client) assert.equal((body as { client_id?: unknown }).client_id, URL_OF)
})

/** A name is shown as it is: nothing invisible in it, and never long. */
export const names = fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
  const shown = readName(name)
  if (shown === undefined) return
  assert.doesNotMatch(shown, DECEPTIVE)
  assert.ok([...shown].length <= 100)
})
