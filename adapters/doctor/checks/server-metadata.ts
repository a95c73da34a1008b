import { fail, judge, ok, show } from '../finding.ts'
import { sketch } from '../probe.ts'
import { type Check, endpointOf, listOf } from '../world.ts'

/** Authorization-server metadata (RFC 8414, or OpenID Connect Discovery): found where clients look, under its own name. */
export const serverMetadata: Check = (world) => {
  const { server, serverAnswers, issuer, address } = world
  if (!server) {
    const seen = serverAnswers.map((answer) => `${show(answer.url)}: ${sketch(answer)}`).join('; ')
    return [
      fail('server.document', 'Authorization-server metadata is found', {
        seen,
        expected: '200 with JSON at one of them',
        fix: 'Serve the metadata at the address that follows from the issuer (RFC 8414 §3.1), and pass /.well-known/ through the proxy in front.',
      }),
    ]
  }
  const { document } = server
  const missing = ['authorization_endpoint', 'token_endpoint'].filter((name) => !endpointOf(world, name))
  const types = listOf(world, 'response_types_supported')
  return [
    ok('server.document', 'Authorization-server metadata is found', show(server.url)),
    judge(
      'server.issuer',
      'Its `issuer` is what was asked for, byte for byte',
      document.issuer === issuer
        ? undefined
        : {
            seen: show(document.issuer),
            expected: world.issuerIsNamed ? `${show(issuer)}, as authorization_servers has it` : show(issuer),
            fix: `Spell the issuer the same in both documents, trailing slash and scheme included (in Lockgate: set \`url\` to the public address, here under ${show(new URL(address).origin)}).`,
          },
    ),
    judge(
      'server.endpoints',
      'It names the endpoints',
      missing.length === 0
        ? undefined
        : {
            seen: `${missing.join(' and ')} missing or no URL`,
            expected: 'absolute URLs',
            fix: `Add ${missing.join(' and ')} to the metadata.`,
          },
    ),
    judge(
      'server.response-types',
      'It offers the response type `code`',
      types?.some((type) => type === 'code')
        ? undefined
        : {
            seen: `response_types_supported: ${show(types)}`,
            expected: 'a list with "code"',
            fix: 'List "code" in response_types_supported: the SDKs refuse metadata without it.',
          },
    ),
  ]
}
