import { fail, ok, skip, warn } from '../finding.ts'
import type { Check } from '../world.ts'

/** Seconds. Beyond the first tokens and assertions of others begin to fail, beyond the second most do. */
const [NOTICEABLE, WRONG] = [60, 300]

/** The server's clock against the one here: codes, tokens and ID tokens live by it. */
export const clock: Check = ({ bare }) => {
  const [id, title] = ['clock', 'The clocks agree']
  const date = Date.parse(bare.headers.get('date') ?? '')
  if (Number.isNaN(date)) return bare.error === undefined ? [skip(id, title, 'no Date header')] : []
  // The header has whole seconds, and may be as old as the request took.
  const ahead = (date - bare.receivedAt) / 1000
  const behind = (bare.sentAt - date) / 1000 - 1
  const skew = Math.round(Math.max(ahead, behind, 0))
  if (skew < NOTICEABLE) return [ok(id, title)]
  const problem = {
    seen: `the server is ${skew} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine`,
    expected: 'a few seconds at most',
    fix: 'Synchronise the clock of the server, or of this machine (NTP).',
  }
  return [skew < WRONG ? warn(id, title, problem) : fail(id, title, problem)]
}
