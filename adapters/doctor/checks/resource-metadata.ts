import { fail, judge, ok, show } from '../finding.ts'
import { sketch } from '../probe.ts'
import type { Check } from '../world.ts'

/** Protected-resource metadata (RFC 9728): found, about this address, and naming its authorization server. */
export const resourceMetadata: Check = ({ address, resource, resourceAnswers, issuer, issuerIsNamed }) => {
  if (!resource) {
    const seen = resourceAnswers.map((answer) => `${show(answer.url)}: ${sketch(answer)}`).join('; ')
    return [
      fail('resource.document', 'Protected-resource metadata is found', {
        seen,
        expected: '200 with JSON at one of them',
        fix: 'Serve protected-resource metadata (RFC 9728) for the MCP endpoint, and pass /.well-known/ through the proxy in front.',
      }),
    ]
  }
  const { document, url } = resource
  const claimed = document.resource
  const same = typeof claimed === 'string' && stripped(claimed) === stripped(address)
  const servers = document.authorization_servers
  return [
    ok('resource.document', 'Protected-resource metadata is found', show(url)),
    judge(
      'resource.identifier',
      'Its `resource` is the address clients use',
      same
        ? undefined
        : {
            seen: claimed === undefined ? 'no resource' : show(claimed),
            expected: show(address),
            fix: 'Let `resource` be exactly the address that users give to their client (in Lockgate: `url` and the path of `mcp`).',
          },
    ),
    judge(
      'resource.servers',
      'It names the authorization server',
      Array.isArray(servers) && issuerIsNamed
        ? undefined
        : {
            seen: `authorization_servers: ${show(servers)}`,
            expected: 'a list whose first item is the issuer',
            fix: 'Name the issuer of the authorization server in `authorization_servers`.',
          },
      show(issuer),
    ),
    judge('resource.paths', 'No address for it misleads', misleading(resourceAnswers)),
  ]
}

/** Clients tolerate one trailing slash, which `URL` puts behind a bare host. */
const stripped = (url: string): string => url.replace(/\/$/, '')

function misleading(answers: readonly Parameters<typeof sketch>[0][]) {
  const bad = answers.find(
    ({ status, json }) =>
      status === 0 || status >= 500 || (status >= 300 && status < 400) || (status === 200 && !json),
  )
  return (
    bad && {
      seen: `${show(bad.url)}: ${sketch(bad)}`,
      expected: '200 with JSON, or 404',
      fix: 'Answer well-known addresses directly: the JSON document, or 404 where there is none; no page, no redirect.',
    }
  )
}
