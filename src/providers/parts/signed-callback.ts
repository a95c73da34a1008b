import type { RegisteredApplication } from './provider-parts.ts'

const encoder = new TextEncoder()

/**
 * Checks the `hmac` of an authorization response: HMAC-SHA256 in hex over the other parameters, sorted by name and
 * joined as a query, under the client secret. Servers encode the values in one of two ways, so both are tried.
 */
export async function isSignedByHmac(
  params: URLSearchParams,
  { secret }: RegisteredApplication,
): Promise<boolean> {
  const signature = fromHex(params.get('hmac') ?? '')
  if (secret === undefined || signature === undefined || hasRepeated(params)) return false
  const pairs = [...params].filter(([name]) => name !== 'hmac' && name !== 'signature')
  pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  )
  for (const message of [asWritten(pairs), new URLSearchParams(pairs).toString()])
    if (await crypto.subtle.verify('HMAC', key, signature, encoder.encode(message))) return true
  return false
}

/** Encodes only what would move the border between two parameters. */
const asWritten = (pairs: readonly [string, string][]): string =>
  pairs.map(([name, value]) => `${escaped(name).replaceAll('=', '%3D')}=${escaped(value)}`).join('&')

const escaped = (text: string): string => text.replaceAll('%', '%25').replaceAll('&', '%26')

const hasRepeated = (params: URLSearchParams): boolean => new Set(params.keys()).size !== [...params].length

const fromHex = (text: string): Uint8Array<ArrayBuffer> | undefined =>
  /^([0-9a-f]{2}){32}$/i.test(text)
    ? Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
    : undefined
