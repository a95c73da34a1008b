import { INITIALIZE, MCP_HEADERS } from '../discovery.ts'
import { ok, skip, warn } from '../finding.ts'
import { sketch } from '../probe.ts'
import type { Check } from '../world.ts'

/** Pages of strangers may not call the server (MCP, Transports: security warning). */
export const origin: Check = async ({ probe, address, token, bare }) => {
  if (bare.error !== undefined) return []
  const [id, title] = ['origin', 'Pages of strangers may not call the server']
  const answer = await probe.send(address, {
    method: 'POST',
    headers: {
      ...MCP_HEADERS,
      origin: 'https://page.example.com',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: INITIALIZE,
  })
  if (answer.status === 403) return [ok(id, title, '403')]
  // The token is checked first, so the check of the origin stays unknown.
  if (answer.status === 401) return [skip(id, title, 'cannot be told without an access token (--token)')]
  if (answer.status !== 200) return [skip(id, title, `cannot be told: ${sketch(answer)}`)]
  return [
    warn(id, title, {
      seen: `Origin: https://page.example.com: ${sketch(answer)}`,
      expected: '403',
      fix: 'Refuse requests whose Origin is not one of your own (in Lockgate: leave `*` out of `origins`).',
    }),
  ]
}
