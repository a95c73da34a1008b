import { ms } from '../../../src/internal.ts'
import { INITIALIZE, MCP_HEADERS } from '../discovery.ts'
import { type Finding, fail, ok, skip } from '../finding.ts'
import { type Answer, sketch } from '../probe.ts'
import type { Check, World } from '../world.ts'

const TITLE = 'Streams arrive as they are sent'

/** With a token only: that it is accepted, and that nothing on the way holds a stream back until it ends. */
export const stream: Check = async (world) => {
  const { probe, address, token, bare, timeout } = world
  if (bare.error !== undefined) return []
  if (token === undefined) {
    return [
      skip('token.accepted', 'An access token is accepted', 'needs an access token (--token)'),
      skip('stream', TITLE, 'needs an access token (--token)'),
    ]
  }
  const headers = { ...MCP_HEADERS, authorization: `Bearer ${token}` }
  const first = await probe.send(address, { method: 'POST', headers, body: INITIALIZE })
  if (first.status !== 200) {
    const refused = fail('token.accepted', 'An access token is accepted', {
      seen: sketch(first),
      expected: '200',
      fix: 'Take a fresh token of this very server; if it is one, look at what the server and its log say.',
    })
    return [refused, skip('stream', TITLE, 'needs an accepted token')]
  }
  const session = first.headers.get('mcp-session-id')
  const inSession = { ...headers, accept: 'text/event-stream', ...(session && { 'mcp-session-id': session }) }
  const answer = await probe.open(address, { headers: inSession }, Math.min(timeout, ms.doctorStream))
  const findings = [ok('token.accepted', 'An access token is accepted'), judgeStream(answer, first)]
  if (session) await endSession(world, inSession)
  return findings
}

function judgeStream(answer: Answer, first: Answer): Finding {
  const type = answer.headers.get('content-type') ?? ''
  if (answer.status === 200 && type.startsWith('text/event-stream')) return ok('stream', TITLE)
  if (answer.status === 405) return skip('stream', TITLE, 'the server opens no stream on GET')
  if (answer.status >= 400) return skip('stream', TITLE, `the server opens no stream: ${sketch(answer)}`)
  return fail('stream', TITLE, {
    seen: `GET for text/event-stream: ${sketch(answer)}; POST took ${first.receivedAt - first.sentAt} ms`,
    expected: 'the headers of the stream at once',
    fix: 'Turn off buffering and compression of text/event-stream in the proxy in front (nginx: proxy_buffering off).',
  })
}

const endSession = ({ probe, address }: World, headers: Record<string, string>) =>
  probe.send(address, { method: 'DELETE', headers })
