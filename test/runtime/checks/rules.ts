import assert from 'node:assert/strict'
import { overHttp, type Peer, signedIn } from '../peer.ts'
import type { Checks } from '../suite.ts'

const call = (name: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, big: 1 } })
const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

/** A body in small parts, whose length is not stated. */
function parts(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + 60_000))
      at += 60_000
    },
  })
}

async function posting(peer: Peer, server: string, path = '') {
  const { tokens } = await signedIn(peer, server)
  return (body: BodyInit, query = '') =>
    fetch(peer.url + server + path + query, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
      duplex: 'half',
    } as RequestInit)
}

/**
 * Sends a request again whose connection was reset before its response was read: that may happen to a body that is not
 * read to its end (RFC 9112 §9.6).
 */
async function readInTime(send: () => Promise<Response>, tries = 5): Promise<Response> {
  try {
    return await send()
  } catch (error) {
    if (tries <= 1) throw error
    return readInTime(send, tries - 1)
  }
}

/** Rules for tools, which need the body of each request. */
export const ruleChecks: Checks = {
  async 'a call that the rules permit arrives byte for byte'(peer) {
    const post = await posting(peer, '/rules', '/rpc')
    const text = `{ "id":12345678901234567890, ${call('search').slice(1)}`.replace('"id":1,', '')
    for (const body of [text, parts(text)]) {
      const response = await post(body)
      assert.equal(response.status, 200)
      const answer = (await response.json()) as { result: { text: string } }
      assert.equal(answer.result.text, text)
    }
  },

  async 'a call without its scope gets a challenge, and a body that can be read in two ways gets 400'(peer) {
    for (const [server, path] of [
      ['/rules', '/rpc'],
      ['/rules-here', ''],
    ] as const) {
      const post = await posting(peer, server, path)
      const refused = await post(call('delete_all'))
      assert.equal(refused.status, 403)
      assert.match(refused.headers.get('www-authenticate') ?? '', /insufficient_scope.*scope="write"/)
      const twice = await post(call('search').replace('"id"', '"method":"ping","id"'))
      assert.equal(twice.status, 400)
      assert.deepEqual(
        [await refused.text(), await twice.text()].map((text) => text.includes('jsonrpc')),
        [false, true],
      )
    }
  },

  async 'a body that is too large gets 413, with and without a stated length'(peer) {
    const post = await posting(peer, '/rules', '/rpc')
    // Little more than the limit: a connection that closes on unread bytes may be reset before its response is read.
    const large = call('x'.repeat(1_060_000))
    for (const body of [() => large, () => parts(large)]) {
      const response = await readInTime(() => post(body()))
      await response.body?.cancel()
      assert.equal(response.status, 413)
    }
    const fits = await post(parts(call('x'.repeat(900_000))))
    await fits.body?.cancel()
    assert.equal(fits.status, 200)
  },

  async 'a handler reads a body that was judged'(peer) {
    const post = await posting(peer, '/rules-here')
    const answer = (await (await post(call('search'))).json()) as { text: string; method: string }
    assert.deepEqual([answer.text, answer.method], [call('search'), 'POST'])
  },

  async 'a list has what the token permits, as JSON and as events'(peer) {
    const post = await posting(peer, '/rules', '/rpc')
    for (const query of ['', '?events']) {
      const response = await post(list, query)
      const text = await response.text()
      assert.equal(response.status, 200)
      assert.ok(text.includes('search') && !text.includes('delete_all'), text)
    }
  },

  async 'a public tool needs no token, and another one does'(peer) {
    const { call: send } = overHttp(peer)
    const post = (body: string) => send('/open', { method: 'POST', body })
    const open = await post(call('search'))
    assert.equal(open.status, 200)
    await open.body?.cancel()
    const closed = await post(call('delete_all'))
    assert.equal(closed.status, 401)
    assert.match(closed.headers.get('www-authenticate') ?? '', /scope="write"/)
    const stream = await send('/open', { headers: { accept: 'text/event-stream' } })
    assert.equal(stream.status, 405)
  },
}
