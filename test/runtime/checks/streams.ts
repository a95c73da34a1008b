import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { signedIn } from '../peer.ts'
import type { Upload } from '../stream-server.ts'
import type { Checks } from '../suite.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A body in `parts`: the second one waits for `begun`. */
function inTurn(parts: readonly Uint8Array[], begun: () => Promise<void>): ReadableStream<Uint8Array> {
  let index = 0
  return new ReadableStream({
    async pull(controller) {
      const part = parts[index++]
      if (!part) return controller.close()
      if (index === 2) await begun()
      controller.enqueue(part)
    },
  })
}

/** How requests and answers travel between the client and the server behind. */
export const streamChecks: Checks = {
  async 'events arrive one by one, while the server behind still sends'(peer) {
    const { stream } = await signedIn(peer)
    const response = await stream('/events?count=8&every=200', { headers: { accept: 'text/event-stream' } })
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const [times, decoder]: [number[], TextDecoder] = [[], new TextDecoder()]
    let text = ''
    for await (const chunk of response.body!) {
      times.push(Date.now())
      text += decoder.decode(chunk, { stream: true })
    }
    assert.equal(text, Array.from({ length: 8 }, (_, n) => `data: ${n}\n\n`).join(''))
    const spread = times.at(-1)! - times[0]!
    assert.ok(spread > 1000, `everything arrived within ${spread} ms`)
    assert.ok(times.length >= 6, `in ${times.length} pieces`)
  },

  async 'a stream is open before its first event'(peer) {
    const { stream } = await signedIn(peer)
    const response = await stream('/open', { signal: AbortSignal.timeout(5000) })
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    await response.body?.cancel()
  },

  async 'a stream that is silent for twelve seconds stays open'(peer) {
    const { stream } = await signedIn(peer)
    const response = await stream('/events?count=2&every=12000')
    assert.equal(await response.text(), 'data: 0\n\ndata: 1\n\n')
  },

  async 'an upload streams through, byte for byte'(peer) {
    const { stream } = await signedIn(peer)
    const parts = Array.from({ length: 5 }, () => randomBytes(20_000))
    const id = randomUUID()
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      // The rest is sent only when the beginning has arrived at the far end.
      body: inTurn(parts, () => peer.behind.received(id)),
      duplex: 'half',
      headers: { 'content-type': 'application/octet-stream' },
    }
    const upload = (await (await stream(`/upload?id=${id}`, init)).json()) as Upload
    assert.deepEqual([upload.bytes, upload.sha256], [100_000, sha256(Buffer.concat(parts))])
  },

  async 'an answer of four megabytes arrives byte for byte'(peer) {
    const { stream } = await signedIn(peer)
    const response = await stream('/download?bytes=4000000')
    const bytes = new Uint8Array(await response.arrayBuffer())
    assert.deepEqual([bytes.length, sha256(bytes)], [4_000_000, response.headers.get('x-sha256')])
  },

  async 'status and headers pass, also of answers without a body'(peer) {
    const { stream } = await signedIn(peer)
    for (const code of [200, 202, 204, 304, 307, 404, 418, 500, 503]) {
      const response = await stream(`/status?code=${code}`, { redirect: 'manual' })
      await response.body?.cancel()
      assert.deepEqual(
        [response.status, response.headers.get('x-from'), response.headers.getSetCookie()],
        [code, 'behind', ['a=1', 'b=2']],
      )
    }
  },

  async 'the server behind learns who asks, and never the token'(peer) {
    const { stream, tokens } = await signedIn(peer)
    const headers = { 'x-lockgate-user-id': 'somebody else', 'mcp-protocol-version': '2025-11-25' }
    const seen = (await (await stream('/headers', { headers })).json()) as Record<string, string>
    assert.ok(!JSON.stringify(seen).includes(tokens.access_token))
    assert.equal(seen['mcp-protocol-version'], '2025-11-25')
    assert.equal(seen['x-lockgate-user-email'], 'ada@example.com')
    assert.notEqual(seen['x-lockgate-user-id'], 'somebody else')
  },

  async 'a handler in the same process gets a request it can copy, and who asks'(peer) {
    const { stream } = await signedIn(peer, '/here')
    const answer = (await (await stream('', { method: 'POST', body: 'hello' })).json()) as Record<
      string,
      string
    >
    const { token, ...rest } = answer
    assert.deepEqual(rest, { text: 'hello', method: 'POST', email: 'ada@example.com' })
    assert.ok(token)
    assert.equal((await stream('', { method: 'DELETE' })).status, 200)
  },

  async 'a request without a body is passed on without one'(peer) {
    const { stream } = await signedIn(peer)
    for (const method of ['GET', 'DELETE']) {
      const seen = (await (await stream('/headers', { method })).json()) as Record<string, string>
      assert.equal(seen['transfer-encoding'], undefined, method)
    }
  },

  async 'a client that leaves in the middle of a stream is cut off behind, too'(peer) {
    const { stream } = await signedIn(peer)
    const [id, abort] = [crypto.randomUUID(), new AbortController()]
    const response = await stream(`/events?count=1000&every=100&id=${id}`, { signal: abort.signal })
    await response.body!.getReader().read()
    abort.abort()
    await peer.behind.cut(id)
  },

  async 'a client that leaves before there is an answer is cut off behind, too'(peer) {
    const { stream } = await signedIn(peer)
    const [id, abort] = [crypto.randomUUID(), new AbortController()]
    const answer = stream(`/silent?id=${id}`, { method: 'POST', body: '{}', signal: abort.signal })
    await peer.behind.arrived(id)
    abort.abort()
    await assert.rejects(answer)
    await peer.behind.cut(id)
  },
}
