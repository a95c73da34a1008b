import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose'
import { createLocalJWKSet } from 'jose/jwks/local'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { jwtVerify } from 'jose/jwt/verify'
import { StatedError, seconds } from '../src/internal.ts'

/** The claims of a verified identity. */
export interface VerifiedIdentity extends JWTPayload {
  /** The caller. `anonymous` is a caller without a token: then there is no `sub`. */
  readonly kind: 'person' | 'client' | 'workload' | 'key' | 'anonymous'
  readonly client_id?: string
  /** The scopes, separated by spaces. */
  readonly scope?: string
  /** The URL of the MCP server, as clients know it. */
  readonly resource: string
  /** Present only if the provider verified it. */
  readonly email?: string
  readonly name?: string
  readonly groups?: readonly string[]
  /** `true` if there were too many groups to send. */
  readonly groups_omitted?: boolean
}

/** Options of {@link verifyIdentity}. */
export interface VerifyIdentityOptions {
  /** The public URL of Lockgate. */
  issuer: string
  /** The audience: by default the origin of the server's `url` in the options of Lockgate. */
  audience: string
  /** A copy of the public keys, as `lockgate jwks` writes it. By default they are fetched from `/jwks` of the issuer. */
  keys?: JSONWebKeySet | undefined
  /**
   * The header, as in `identity.header` of the options of Lockgate. `authorization` stands for `identity.as: 'bearer'`.
   *
   * @default 'x-lockgate-assertion'
   */
  header?: string | undefined
}

/** A request of any server: with `Headers`, or with the plain object of Node. */
export interface IncomingHead {
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
}

const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']
/** The issuers whose keys are kept. */
const MAX_ISSUERS = 100
const remote = new Map<string, JWTVerifyGetKey>()
const local = new WeakMap<JSONWebKeySet, JWTVerifyGetKey>()

/**
 * Verifies the identity that Lockgate signed for this server (`mcp[].identity`).
 *
 * @returns Its claims. Check `kind` before you let an anonymous caller act as a user.
 * @throws {JOSEError} If the request has none, or one that is not valid here and now. Respond with 401.
 * @throws {TypeError} If the keys cannot be fetched. Respond with 503.
 * @example
 * const { sub, kind } = await verifyIdentity(request, { issuer: 'https://mcp.example.com', audience: 'http://tools:3000' })
 */
export async function verifyIdentity(
  { headers }: IncomingHead,
  { issuer, audience, keys, header = 'x-lockgate-assertion' }: VerifyIdentityOptions,
): Promise<VerifiedIdentity> {
  // The issuer is a URL without a slash at its end.
  const own = issuer.replace(/\/+$/, '')
  const name = header.toLowerCase()
  const isBearer = name === 'authorization'
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  // Several values are none of Lockgate: it sends one.
  const text = typeof value === 'string' ? value : ''
  const { payload } = await jwtVerify<VerifiedIdentity>(
    isBearer ? text.replace(/^bearer +/i, '') : text,
    keys ? localKeys(keys) : keysOf(own),
    {
      issuer: own,
      audience,
      typ: isBearer ? 'at+jwt' : 'lockgate-identity+jwt',
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'iat', 'kind'],
      clockTolerance: seconds.clockSkew,
    },
  )
  return payload
}

function keysOf(issuer: string): JWTVerifyGetKey {
  const found =
    remote.get(issuer) ?? createRemoteJWKSet(new URL(`${issuer}/jwks`), { [customFetch]: fetchKeys })
  remote.delete(issuer)
  remote.set(issuer, found)
  for (const oldest of remote.keys()) {
    if (remote.size <= MAX_ISSUERS) break
    remote.delete(oldest)
  }
  return found
}

function localKeys(keys: JSONWebKeySet): JWTVerifyGetKey {
  const found = local.get(keys) ?? createLocalJWKSet(keys)
  local.set(keys, found)
  return found
}

/** Fetches a key set. A failure here is no fault of the request whose identity is verified. */
async function fetchKeys(url: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, init)
    if (response.status === 200) return Response.json(await response.json())
    throw new StatedError(`/jwks answered ${response.status}`)
  } catch (cause) {
    throw new StatedError('the keys cannot be fetched', { cause })
  }
}
