import { isLoopbackUrl as isLoopback } from '../../../src/internal.ts'
import { judge, ok, type Problem, show, skip, warn } from '../finding.ts'
import type { Check, World } from '../world.ts'

const MEMBERS = ['issuer', 'authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'jwks_uri']

/** https everywhere but on this machine, also in what the documents name (OAuth 2.1 §1.5). */
export const transport: Check = (world) => {
  const { address, bare } = world
  const secure = address.startsWith('https:')
  const https = judge(
    'transport.https',
    'The address is https',
    secure || isLoopback(address)
      ? undefined
      : {
          seen: show(address),
          expected: 'https, except on loopback',
          fix: 'Put something that speaks TLS in front: clients refuse to send tokens over http.',
        },
    secure ? undefined : 'http on loopback, for development only',
  )
  const urls = judge('transport.urls', 'Every address in the metadata is https too', insecure(world))
  if (!secure) return [https, urls, skip('transport.hsts', 'Browsers stay on https (HSTS)', 'no https')]
  const header = bare.headers.get('strict-transport-security')
  const age = Number(/max-age\s*=\s*"?(\d+)/i.exec(header ?? '')?.[1] ?? 0)
  const hsts =
    age > 0
      ? ok('transport.hsts', 'Browsers stay on https (HSTS)')
      : warn('transport.hsts', 'Browsers stay on https (HSTS)', {
          seen: header === null ? 'no Strict-Transport-Security header' : show(header),
          expected: 'Strict-Transport-Security: max-age=31536000',
          fix: 'Let what speaks TLS in front add the header.',
        })
  return [https, urls, hsts]
}

function insecure({ address, pointer, resource, server }: World): Problem | undefined {
  const servers = resource?.document.authorization_servers
  const named: ReadonlyArray<readonly [name: string, url: unknown]> = [
    ['resource_metadata', pointer],
    ['resource', resource?.document.resource],
    ['authorization_servers', Array.isArray(servers) ? servers[0] : undefined],
    ...MEMBERS.map((member) => [member, server?.document[member]] as const),
  ]
  // A public server that names this machine is wrong as well.
  const local = isLoopback(address)
  const bad = named.find(
    ([, url]) => typeof url === 'string' && url.startsWith('http:') && !(local && isLoopback(url)),
  )
  return (
    bad && {
      seen: `${bad[0]}: ${show(bad[1])}`,
      expected: 'https',
      fix: 'Tell the server its public address instead of letting it guess from the request (in Lockgate: `url`; elsewhere often trust in X-Forwarded-Proto).',
    }
  )
}
