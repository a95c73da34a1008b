import { createHash } from 'node:crypto'
import type { RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import type { Passage, RequestHead } from 'lockgate'
import { serve, toNodeHandler } from 'lockgate/node'
import { afterEach, describe, expect, test } from 'vitest'
import { raw } from './raw.ts'
import { type Calls, echo, forwarder, passageTo, stage } from './stage.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Starts an MCP server, and Lockgate's server in front of it. */
async function start(listener: RequestListener, more?: (head: RequestHead, url: string) => Partial<Passage>) {
  const calls: Calls = []
  const behind = await stage(listener)
  const served = await serve(
    forwarder(behind.url, calls, (head) => more?.(head, behind.url) ?? {}),
    { port: 0 },
  )
  closing.push(() => served.close(true), behind.close)
  return { url: served.url.slice(0, -1), calls, behind }
}

describe('a request reaches the MCP server', () => {
  test('with its length, when its body has one', async () => {
    const { url } = await start(echo)
    for (const size of [3, 200_000]) {
      const seen = await (await fetch(`${url}/mcp?a=1`, { method: 'POST', body: 'x'.repeat(size) })).json()
      expect(seen).toMatchObject({ method: 'POST', url: '/mcp?a=1', body: 'x'.repeat(size) })
      expect(seen.headers['content-length']).toBe(String(size))
      expect(seen.headers).not.toHaveProperty('transfer-encoding')
    }
  })

  test('without a body, when it has none', async () => {
    const { url } = await start(echo)
    for (const method of ['GET', 'DELETE', 'POST', 'OPTIONS']) {
      const seen = await (await fetch(url, { method })).json()
      expect(seen.method).toBe(method)
      expect(seen.headers['transfer-encoding'], method).toBeUndefined()
    }
  })

  test('on a new connection, also if nothing of its body comes for a while', async () => {
    const { url } = await start(echo)
    const client = await raw(url)
    client.write('POST /mcp HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', '')
    await sleep(300)
    client.write('5', 'first', '0', '', '')
    await client.until('"body":"first"')
  })

  test('while its body is still being sent', async () => {
    const arrived: string[] = []
    const { url } = await start((message, outgoing) => {
      message.on('data', (chunk: Buffer) => arrived.push(chunk.toString()))
      message.on('end', () => outgoing.end('done'))
    })
    const client = await raw(url)
    client.write('POST /mcp HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', '5', 'first', '')
    await expect.poll(() => arrived).toEqual(['first'])
    client.write('6', 'second', '0', '', '')
    await client.until('done')
    expect(arrived).toEqual(['first', 'second'])
  })

  test('once, when a POST meets a connection that the MCP server has just closed', async () => {
    let requests = 0
    const { url, calls } = await start((message, outgoing) => {
      requests++
      if (requests === 1) outgoing.end('first')
      else message.socket.destroy()
    })
    expect(await (await fetch(url, { method: 'POST', body: '1' })).text()).toBe('first')
    const second = await fetch(url, { method: 'POST', body: '2' })
    expect([second.status, requests]).toEqual([502, 2])
    expect(calls.at(-1)).toMatch(/^failed/)
  })

  test('again, when a GET meets such a connection', async () => {
    let requests = 0
    const { url } = await start((message, outgoing) => {
      if (++requests === 2) message.socket.destroy()
      else outgoing.end(`request ${requests}`)
    })
    await (await fetch(url)).text()
    expect(await (await fetch(url)).text()).toBe('request 3')
  })

  test('on a new connection, when the kept one was closed while it was idle', async () => {
    const { url, behind } = await start((_message, outgoing) => void outgoing.end('ok'))
    expect(await (await fetch(url, { method: 'POST', body: '1' })).text()).toBe('ok')
    behind.server.closeIdleConnections()
    await sleep(20)
    expect(await (await fetch(url, { method: 'POST', body: '2' })).text()).toBe('ok')
  })
})

describe('a client that waits for 100 Continue', () => {
  const head = ['POST /mcp HTTP/1.1', 'host: a', 'content-length: 5', 'expect: 100-continue', '', '']

  test('is asked for its body, and the MCP server gets it without Expect', async () => {
    const { url } = await start(echo)
    const client = await raw(url)
    client.write(...head)
    await client.until('HTTP/1.1 100 Continue')
    client.write('hello')
    const text = await client.until('"body":"hello"')
    expect(text).toContain('HTTP/1.1 200')
    expect(text).not.toContain('"expect"')
  })

  test('keeps its body, when it is refused', async () => {
    const response = () => new Response('no', { status: 401 })
    const served = await serve(
      { fetch: async () => response(), admit: () => ({ type: 'answer', response: response() }) },
      { port: 0 },
    )
    closing.push(() => served.close(true))
    const client = await raw(served.url)
    client.write(...head)
    await client.closed()
    expect(client.text()).toMatch(/^HTTP\/1\.1 401 [\s\S]*connection: close/i)
  })
})

describe('a response comes back', () => {
  test('byte for byte, with its length, status and every header', async () => {
    const { url } = await start((_message, outgoing) => {
      const headers = {
        'content-length': 5,
        'x-a': 'b',
        'set-cookie': ['a=1', 'b=2'],
        'content-encoding': 'br',
      }
      outgoing.writeHead(418, headers).end(Buffer.from([1, 2, 3, 254, 255]))
    })
    const client = await raw(url)
    client.write('GET / HTTP/1.1', 'host: a', '', '')
    const text = await client.until('\x01\x02\x03\xfe\xff')
    expect(text).toMatch(/^HTTP\/1\.1 418 /)
    for (const line of [
      'content-length: 5',
      'x-a: b',
      'set-cookie: a=1',
      'set-cookie: b=2',
      'content-encoding: br',
    ])
      expect(text.toLowerCase()).toContain(line)
  })

  test('without a body for HEAD, 204 and 304', async () => {
    const { url } = await start((message, outgoing) => {
      const length = message.url === '/204' ? {} : { 'content-length': 7 }
      outgoing
        .writeHead(Number(message.url!.slice(1)), length)
        .end(message.url === '/200' ? '7 bytes' : undefined)
    })
    const client = await raw(url)
    const cases = [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
      ['HEAD', 404],
      ['GET', 200],
    ] as const
    for (const [index, [method, status]] of cases.entries()) {
      client.write(`${method} /${status} HTTP/1.1`, 'host: a', '', '')
      await client.until(new RegExp(`(HTTP/1.1 \\d+[\\s\\S]*?\r\n\r\n){${index + 1}}`))
    }
    await client.until('7 bytes')
    const [, ...parts] = client.text().split(/HTTP\/1\.1 /)
    expect(parts.map((part) => [part.slice(0, 3), part.split('\r\n\r\n')[1]])).toEqual([
      ['200', ''],
      ['204', ''],
      ['304', ''],
      ['404', ''],
      ['200', '7 bytes'],
    ])
  })

  test('at once for an event stream, and each event when it is sent', async () => {
    let outgoing: ServerResponse | undefined
    const { url, calls } = await start((_message, response) => {
      outgoing = response
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) })
    const reader = response.body!.getReader()
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      outgoing!.write(event)
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(event)
    }
    outgoing!.end()
    expect((await reader.read()).done).toBe(true)
    await expect.poll(() => calls).toEqual(['answered 200', 'closed'])
  })

  test('also when the MCP server responds before it has read the body', async () => {
    const { url } = await start((_message, outgoing) => {
      outgoing.writeHead(413).end('too large')
    })
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(65_536))
        await sleep(1)
      },
    })
    const abort = new AbortController()
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body,
      duplex: 'half',
      signal: abort.signal,
    }
    const response = await fetch(url, init)
    expect([response.status, await response.text()]).toEqual([413, 'too large'])
    abort.abort()
  })

  test('after informational responses, which stay behind', async () => {
    const { url, calls } = await start((_message, outgoing) => {
      outgoing.writeEarlyHints({ link: '</a>; rel=preload' })
      outgoing.end('final')
    })
    expect(await (await fetch(url)).text()).toBe('final')
    expect(calls).toEqual(['answered 200'])
  })

  test('from where a redirect leads, with the same body', async () => {
    const { url } = await start(
      async (message, outgoing) => {
        if (message.url === '/') outgoing.writeHead(307, { location: '/there' }).end('moved')
        else await echo(message, outgoing)
      },
      (head, behind) => ({
        answered: (status, headers, repeatable) =>
          status === 307 && repeatable
            ? {
                type: 'again',
                passage: passageTo(behind, { ...head, target: '/there', headers: head.headers }, []),
              }
            : passageTo(behind, head, []).answered(status, headers),
      }),
    )
    const response = await fetch(url, { method: 'POST', body: 'kept' })
    expect(await response.json()).toMatchObject({ url: '/there', body: 'kept', method: 'POST' })
  })

  test('replaced, when the passage says so, on a connection that goes on', async () => {
    const { url } = await start(
      (_message, outgoing) => void outgoing.writeHead(401, { 'content-length': 6 }).end('secret'),
      () => ({
        answered: async () => {
          await sleep(20)
          return { type: 'replace', response: new Response('replaced', { status: 502 }) }
        },
      }),
    )
    for (let time = 0; time < 2; time++) {
      const response = await fetch(url, { method: 'POST', body: '{}' })
      expect([response.status, await response.text()]).toEqual([502, 'replaced'])
    }
  })
})

describe('a failure', () => {
  test('of the MCP server before it responds becomes a response', async () => {
    const { url, calls } = await start((message) => void message.socket.destroy())
    const response = await fetch(url, { method: 'POST', body: '{}' })
    expect([response.status, await response.text(), calls.length]).toEqual([502, 'failed', 1])
  })

  test('of the MCP server in the middle of a response cuts it', async () => {
    const { url } = await start((message, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'application/json' }).write('{"half')
      setTimeout(() => message.socket.destroy(), 50)
    })
    const response = await fetch(url)
    await expect(response.text()).rejects.toThrow()
  })

  test.each([
    ['before', '/silent'],
    ['during', '/stream'],
  ])('of the client %s the response ends the request at the MCP server', async (_when, path) => {
    let cut = false
    const { url, calls } = await start((message, outgoing) => {
      outgoing.on('close', () => {
        cut = !outgoing.writableFinished
      })
      if (message.url === '/stream')
        outgoing.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 0\n\n')
    })
    const abort = new AbortController()
    const sent = fetch(url + path, { signal: abort.signal, method: 'POST', body: '{}' })
    if (path === '/stream') await (await sent).body!.getReader().read()
    else await sleep(100)
    abort.abort()
    await sent.catch(() => {})
    await expect.poll(() => cut).toBe(true)
    await expect.poll(() => calls).toEqual(path === '/stream' ? ['answered 200', 'closed'] : ['abandoned'])
  })

  test('of the client in the middle of its body ends the request at the MCP server', async () => {
    let error: Error | undefined
    const { url } = await start((message) => {
      message.on('error', (thrown) => {
        error = thrown
      })
      message.resume()
    })
    for (const framing of ['content-length: 100000', 'transfer-encoding: chunked']) {
      error = undefined
      const client = await raw(url)
      client.write('POST /mcp HTTP/1.1', 'host: a', framing, '', '5', 'first', '')
      await sleep(100)
      client.socket.destroy()
      await expect.poll(() => error).toBeDefined()
    }
  })

  test('is a response too, when a body parser has already read the body', async () => {
    const behind = await stage(echo)
    const app = express().use(express.json(), toNodeHandler(forwarder(behind.url)))
    const front = await stage(app)
    closing.push(front.close, behind.close)
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(front.url, { method: 'POST', body: '{"a":1}', headers })
    expect(response.status).toBe(502)
  })
})

describe('a slow reader slows the writer down', () => {
  const SIZE = 150_000_000
  const CHUNK = Buffer.alloc(100_000, 'x')

  /** Bytes that the kernel and both processes may hold on the way. */
  const HELD = 30_000_000

  test('for a response', { timeout: 60_000 }, async () => {
    let sent = 0
    const { url } = await start(async (_message, outgoing) => {
      for (; sent < SIZE; sent += CHUNK.length) {
        if (!outgoing.write(CHUNK)) await new Promise((resolve) => outgoing.once('drain', resolve))
      }
      outgoing.end()
    })
    const response = await fetch(url)
    await sleep(500)
    expect(sent).toBeLessThan(HELD)
    let received = 0
    for await (const chunk of response.body!) received += chunk.length
    expect(received).toBe(SIZE)
  })

  test('for a request', { timeout: 60_000 }, async () => {
    let go: () => void = () => {}
    const wait = new Promise<void>((resolve) => {
      go = resolve
    })
    const { url } = await start(async (message, outgoing) => {
      await wait
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of message as AsyncIterable<Buffer>) {
        bytes += chunk.length
        hash.update(chunk)
      }
      outgoing.end(String(bytes))
    })
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= SIZE) return controller.close()
        sent += CHUNK.length
        controller.enqueue(CHUNK)
      },
    })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
    const response = fetch(url, init)
    await sleep(500)
    expect(sent).toBeLessThan(HELD)
    go()
    expect(await (await response).text()).toBe(String(SIZE))
  })
})

describe('connections to the MCP server are bounded by what is under way, not by what has ended', () => {
  /** Starts an MCP server whose streams stay open, and counts its connections. */
  async function streaming() {
    const sockets = new Set<Socket>()
    const streams: ServerResponse[] = []
    const { url, behind } = await start((_message, outgoing) => {
      streams.push(outgoing)
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    behind.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    // A response that nothing holds any more is cancelled when it is collected.
    const held: Response[] = []
    const open = async (count: number) => {
      const aborts = Array.from({ length: count }, () => new AbortController())
      held.push(...(await Promise.all(aborts.map(({ signal }) => fetch(url, { signal })))))
      return () => {
        for (const abort of aborts) abort.abort()
      }
    }
    return { sockets, streams, open }
  }

  test('when every client leaves its stream', async () => {
    const { sockets, open } = await streaming()
    const leave = await open(40)
    expect(sockets.size).toBe(40)
    leave()
    await expect.poll(() => sockets.size).toBeLessThanOrEqual(2)
  })

  test('when some clients leave and others stay, round after round', async () => {
    const { sockets, streams, open } = await streaming()
    await open(10)
    for (let round = 0; round < 3; round++) {
      const leave = await open(20)
      expect(sockets.size).toBe(30)
      leave()
      // Longer than a new connection takes. One that is not used may come, but must not stay.
      await sleep(200)
      await expect.poll(() => sockets.size).toBe(10)
    }
    expect(streams.filter(({ destroyed }) => !destroyed)).toHaveLength(10)
  })
})
