import assert from 'node:assert/strict'
import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { authorizeUrl, connect, register } from '../../support/system.ts'
import { type Attacks, openConsent, systemOf, type Target } from '../target.ts'

/** Longer than the deadline of a body, and the time in which a revocation is seen. */
const LONG = 20_000

/** Sends a form whose body never ends. @returns The first line of the answer, or how the connection ended. */
function slowBody({ url }: Target, path: string): Promise<string> {
  const { hostname, port, pathname } = new URL(url)
  const head = [
    `POST ${pathname}${path} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    'content-type: application/x-www-form-urlencoded',
    'content-length: 1000',
  ]
  return new Promise((resolve) => {
    const socket = connectSocket(Number(port), hostname, () => socket.write(`${head.join('\r\n')}\r\n\r\na`))
    const drip = setInterval(() => socket.write('a'), 5000)
    let text = ''
    const end = (how: string) => {
      clearInterval(drip)
      socket.destroy()
      resolve(how)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString()
      end(text.split('\r\n', 1)[0]!)
    })
    socket.on('error', () => end('closed'))
    socket.on('close', () => end('closed'))
    setTimeout(() => end('still open'), LONG).unref()
  })
}

/** What one stranger may use up, and how long things live. */
export const lifetimeAttacks: Attacks = {
  async 'T51 bodies that never end are given up'(target) {
    const paths = ['/register', '/token', '/revoke', '/authorize']
    for (const outcome of await Promise.all(paths.map((path) => slowBody(target, path))))
      assert.match(outcome, /^HTTP\/1\.1 (408|40[05])|^closed$/, outcome)
  },

  async 'T52 failing callers count by address, and no flood of names makes a limit forget'(target) {
    const at = (address: string) => systemOf(target, 'limited', { 'x-test-address': address })
    const guess = async (address: string, client_id: string) => {
      const form = { grant_type: 'refresh_token', client_id, client_secret: 'x', refresh_token: 'x' }
      return (await at(address).post('/token', form)).status
    }
    /** Returns how many guesses it takes until one is refused, with another client each. */
    const untilRefused = async (address: (n: number) => string) => {
      for (let n = 0; n < 300; n += 20) {
        const statuses = await Promise.all(
          Array.from({ length: 20 }, (_, more) => guess(address(n + more), `made-up-${n + more}`)),
        )
        if (statuses.includes(429)) return n
      }
      return Number.POSITIVE_INFINITY
    }
    const first = await untilRefused(() => '203.0.113.7')
    assert.ok(first < 300, 'another client id each does not help')
    await Promise.all(Array.from({ length: 50 }, (_, n) => guess('203.0.113.8', `flood-${n}`)))
    // A little comes back with time, but nothing is forgotten.
    const again = await untilRefused(() => '203.0.113.7')
    assert.ok(again <= first, 'names of others push nothing out')
    assert.notEqual(await guess('203.0.113.9', 'honest'), 429)
    const revoked = async (address: string) => {
      const form = { client_id: 'reader', token: 'nonsense' }
      return (await at(address).post('/revoke', form)).status
    }
    const statuses = await Promise.all(Array.from({ length: 80 }, () => revoked('203.0.113.10')))
    assert.deepEqual([...new Set(statuses)].sort(), [200, 429], 'what achieves nothing counts by address too')
    assert.equal(await revoked('203.0.113.11'), 200)
    // IPv6 counts by what one customer has.
    const refused = await untilRefused((n) => `2001:db8:0:1::${n.toString(16)}`)
    assert.ok(refused < 300, 'another address of one network each does not help')
  },

  async 'T57 a stream ends with its grant'(target) {
    const system = systemOf(target)
    const { client, tokens } = await connect(system)
    const response = await system.call('/mcp/events?count=300&every=200', {
      headers: { authorization: `Bearer ${tokens.access_token}`, accept: 'text/event-stream' },
    })
    assert.equal(response.status, 200)
    const reader = response.body!.getReader()
    const ended = (async () => {
      for (;;) if ((await reader.read().catch(() => ({ done: true }))).done) return 'ended'
    })()
    assert.equal(await Promise.race([ended, sleep(500, 'open')]), 'open')
    await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    assert.equal(await Promise.race([ended, sleep(LONG, 'open')]), 'ended')
  },

  async 'T59 our cookies stay small, whatever sign-ins were abandoned'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const browser = system.browser()
    for (const length of [4096, 300, 300, 4096, 300, 300, 300, 300]) {
      const params = { state: 's'.repeat(length) }
      const { page } = await openConsent(system, client, params, browser)
      await browser.submit(page, { decision: 'allow' })
      const sent = await browser.jar.getCookieString(target.url)
      assert.ok(sent.length < 4096, `${sent.length} bytes of cookies`)
      assert.notEqual((await browser.request(authorizeUrl(system, client))).status, 431)
    }
  },
}
