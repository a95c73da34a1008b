import * as v from 'valibot'
import { areKeysPublic } from '../protocol/client-document.ts'
import { isRegistrable } from '../protocol/redirect-uri.ts'
import { isHttps } from '../providers/parts/https.ts'
import { scopeName } from './scopes.ts'

/** A client that needs no registration. */
export interface ClientOptions {
  /** The client's id in requests. */
  clientId: string
  /** At least 16 characters. Absent: the client is public. */
  clientSecret?: string
  /** The public keys that it signs assertions with (`private_key_jwt`), instead of a secret. */
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  /** The address of these keys, so that they may change. */
  jwksUri?: string
  /** The addresses that responses may go to. Compared exactly, except for the port of a loopback URI. Empty for a client without users. */
  redirectUris: readonly string[]
  /** Shown on the consent page. Default: `clientId`. */
  name?: string
  /** The scopes that it may have. Default: all. */
  scopes?: readonly string[]
  /** Whether it may get tokens for itself, without a user. Requires a secret or keys, and `scopes`. Default: `false`. */
  clientCredentials?: boolean
}

const text = v.pipe(v.string(), v.minLength(1))
const publicUrl = v.pipe(
  v.string(),
  v.check(isHttps, 'expected an https URL without query (http only on localhost, 127.0.0.1 or [::1])'),
)

const registrable = v.pipe(
  v.string(),
  v.check(
    (uri) => isRegistrable(uri, { customSchemes: true, loopbackAliases: false }),
    'expected an https, loopback or app redirect URI in its normal spelling',
  ),
)

export const ClientSchema: v.GenericSchema<ClientOptions> = v.pipe(
  v.strictObject({
    clientId: text,
    clientSecret: v.exactOptional(v.pipe(v.string(), v.minLength(16))),
    jwks: v.exactOptional(
      v.pipe(
        v.looseObject({ keys: v.pipe(v.array(v.record(v.string(), v.unknown())), v.minLength(1)) }),
        v.check((jwks) => areKeysPublic(jwks), 'expected public keys only'),
      ),
    ),
    jwksUri: v.exactOptional(publicUrl),
    redirectUris: v.array(registrable),
    name: v.exactOptional(text),
    scopes: v.exactOptional(v.array(scopeName)),
    clientCredentials: v.exactOptional(v.boolean()),
  }),
  v.forward(
    v.check(
      (input) => input.redirectUris.length > 0 || input.clientCredentials === true,
      'expected at least one',
    ),
    ['redirectUris'],
  ),
  v.check(
    // Such a client proves who it is, and gets no more than the operator listed.
    ({ clientCredentials, scopes = [], clientSecret, jwks, jwksUri }) =>
      !clientCredentials || (scopes.length > 0 && (clientSecret ?? jwks ?? jwksUri) !== undefined),
    'clientCredentials needs `scopes`, and a secret or keys',
  ),
  v.check(
    ({ clientSecret, jwks, jwksUri }) =>
      [clientSecret, jwks, jwksUri].filter((one) => one !== undefined).length < 2,
    'expected one of clientSecret, jwks and jwksUri',
  ),
)
