import { fail, judge, ok, show, warn } from '../finding.ts'
import { sketch } from '../probe.ts'
import type { Check } from '../world.ts'

/** A request without a token: refused, and told where to learn more (RFC 9728 §5.1). */
export const challenge: Check = ({ bare, pointer, resourceAnswers, resource, address }) => {
  const reached = judge(
    'reachable',
    'The server answers',
    bare.error === undefined
      ? undefined
      : {
          seen: bare.error,
          expected: 'an answer',
          fix: 'Start the server, or correct the address, DNS name or certificate.',
        },
  )
  if (bare.error !== undefined) return [reached]
  const claimed = resource?.document.resource
  const elsewhere = typeof claimed === 'string' && claimed !== address ? `, such as ${show(claimed)}` : ''
  const status = judge(
    'challenge.status',
    'A request without a token gets 401',
    bare.status === 401
      ? undefined
      : {
          seen: `POST ${show(address)}: ${sketch(bare)}`,
          expected: '401',
          fix: `Give doctor the address that MCP clients use${elsewhere}, and let nothing before the check of the token answer there.`,
        },
  )
  if (bare.status !== 401) return [reached, status]
  const title = 'The 401 says where the metadata is'
  if (pointer === undefined) {
    const header = bare.headers.get('www-authenticate')
    return [
      reached,
      status,
      fail('challenge.pointer', title, {
        seen: header === null ? 'no WWW-Authenticate header' : `WWW-Authenticate: ${show(header)}`,
        expected: 'WWW-Authenticate: Bearer resource_metadata="…"',
        fix: 'Send the header with each 401, and let no proxy in front take it away.',
      }),
    ]
  }
  const [there] = resourceAnswers
  const usable = there?.status === 200 && there.json !== undefined && 'resource' in there.json
  const target = judge(
    'challenge.target',
    'The pointer leads to the metadata',
    usable
      ? undefined
      : {
          seen: `${show(pointer)}: ${there ? sketch(there) : 'nothing'}`,
          expected: '200 with protected-resource metadata as JSON',
          fix: 'Let resource_metadata name the address at which the metadata is really served (in Lockgate it follows from `url`).',
        },
  )
  const scheme = /^\s*bearer\b/i.test(bare.headers.get('www-authenticate') ?? '')
  const pointed = scheme
    ? ok('challenge.pointer', title)
    : warn('challenge.pointer', title, {
        seen: `WWW-Authenticate: ${show(bare.headers.get('www-authenticate'))}`,
        expected: 'the scheme Bearer first',
        fix: 'Send the Bearer challenge first: some clients read no other.',
      })
  return [reached, status, pointed, target]
}
