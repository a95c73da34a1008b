import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { until, type World } from './world.ts'

/** What happens if a side does not do its part. */
export function failureRules(world: () => World): void {
  const answerOf = async (path: string, init?: RequestInit) => {
    const response = await world().send(path, init)
    return [response.status, response.headers.get('www-authenticate')]
  }

  describe('an MCP server', () => {
    test('that is not there is 502', async () => {
      expect(await answerOf('/gone')).toEqual([502, null])
      expect(world().system.events.at(-1)).toMatchObject({ reason: 'mcp-server-unreachable' })
    })

    test('that closes before it responds is 502', async () => {
      world().handleRaw((socket) => socket.destroy())
      expect(await answerOf('/raw')).toEqual([502, null])
    })

    test.each([
      'HTTP/1.1 99 Low',
      'HTTP/1.1 600 High',
      'HTTP/1.1 999 Higher',
      'HTTP/1.1 000 None',
      'nonsense',
    ])('that responds with %j is 502', async (line) => {
      world().handleRaw((socket) => socket.end(`${line}\r\ncontent-length: 2\r\n\r\nok`))
      expect(await answerOf('/raw')).toEqual([502, null])
    })

    test('that sends an interim response first is understood', async () => {
      world().handleRaw((socket) =>
        socket.end(
          'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
        ),
      )
      const response = await world().send('/raw')
      expect([response.status, await response.text()]).toEqual([200, 'ok'])
    })

    test('that switches protocols unasked is 502', async () => {
      world().handleRaw((socket) =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      )
      expect(await answerOf('/raw')).toEqual([502, null])
    })

    test.each([
      ['of a known length', 'content-length: 100\r\n\r\nhalf'],
      [
        'that is an event stream',
        'content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
      ],
    ])('%s that breaks off is told in an event, and no client that leaves is', async (_name, text) => {
      const told = () => world().system.events.filter(({ reason }) => reason === 'mcp-server-broke-off')
      const before = told().length
      const answer = (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${text}`)
      world().handleRaw((socket) => {
        answer(socket)
        setTimeout(() => socket.destroy(), 50)
      })
      await world()
        .send('/raw')
        .then((response) => response.text())
        .catch(() => {})
      await expect.poll(told).toHaveLength(before + 1)
      const leaving = new AbortController()
      world().handleRaw((socket) => {
        answer(socket)
        setTimeout(() => leaving.abort(), 50)
      })
      await world()
        .send('/raw', { signal: leaving.signal })
        .then((response) => response.text())
        .catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(told()).toHaveLength(before + 1)
    })

    test('that breaks off in the middle never looks complete', async () => {
      world().handleRaw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
        setTimeout(() => socket.destroy(), 50)
      })
      await expect(
        world()
          .send('/raw')
          .then((response) => response.text()),
      ).rejects.toThrow()
      world().handleRaw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n')
        setTimeout(() => socket.destroy(), 50)
      })
      await expect(
        world()
          .send('/raw')
          .then((response) => response.text()),
      ).rejects.toThrow()
    })

    test('that sends a length and chunks is read by its chunks, or not at all', async () => {
      world().handleRaw((socket) =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n6\r\nwhole!\r\n0\r\n\r\n',
        ),
      )
      const response = await world().send('/raw')
      if (response.status === 200) expect(await response.text()).toBe('whole!')
      else expect(response.status).toBe(502)
    })

    test('gets a POST once, even if its idle connection closes under it', async () => {
      const posts: string[] = []
      world().handleRaw((socket, request, connection) => {
        if (request.startsWith('GET')) {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok')
          return
        }
        posts.push(`${connection}`)
        socket.destroy()
      })
      await (await world().send('/raw')).text()
      expect(await answerOf('/raw', { method: 'POST', body: '{}' })).toEqual([502, null])
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(posts.length).toBe(1)
    })

    test('that responds before the body has arrived is heard', async () => {
      world().handleRaw((socket, request) => {
        if (!request.startsWith('POST')) return
        socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig')
      })
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          if (++sent > 50) controller.close()
          else controller.enqueue(new Uint8Array(1000))
        },
      })
      const response = await world()
        .send('/raw', { method: 'POST', body, duplex: 'half' })
        .catch(() => undefined)
      // The connection may break under a client that still sends. What it must never get is another response.
      if (response) expect([413, 502]).toContain(response.status)
    })
  })

  describe('a client', () => {
    test('that leaves before the response ends the request at the MCP server', async () => {
      const closed = new Promise<void>((resolve) => {
        world().handle((request) => request.socket.on('close', () => resolve()))
      })
      const abort = new AbortController()
      const answer = world().send('/mcp', { method: 'POST', body: '{}', signal: abort.signal })
      setTimeout(() => abort.abort(), 200)
      await expect(answer).rejects.toThrow()
      await closed
    })

    test('that leaves in the middle of a response ends it at the MCP server', async () => {
      const closed = new Promise<void>((resolve) => {
        world().handle((_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 0\n\n')
          response.on('close', () => resolve())
        })
      })
      const abort = new AbortController()
      const response = await world().send('/mcp', { signal: abort.signal })
      await response.body!.getReader().read()
      abort.abort()
      await closed
    })

    test('that leaves in the middle of its own body ends the request at the MCP server', async () => {
      const broken = new Promise<void>((resolve) => {
        world().handle((request) => {
          request.on('data', () => {})
          request.on('error', () => resolve())
          request.on('close', () => resolve())
        })
      })
      const { port, tokenFor } = world()
      const socket = connect(port, '127.0.0.1')
      const authorization = `Authorization: Bearer ${await tokenFor('/mcp')}`
      socket.write(`POST /mcp HTTP/1.1\r\nHost: localhost:${port}\r\n${authorization}\r\n`)
      socket.write('Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
      await new Promise((resolve) => setTimeout(resolve, 300))
      socket.destroy()
      await broken
    })

    test.each(['GET', 'POST'])(
      'that is refused gets a response although its body has not come (%s)',
      async (method) => {
        const { port, raw } = world()
        const head = `${method} /mcp HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 1000000\r\n\r\n`
        expect(await raw(head, 1000)).toMatch(/^HTTP\/1\.1 401/)
      },
    )

    test('cannot hide a second request in the body of a first', async () => {
      let requests = 0
      world().handle((request, response) => {
        requests++
        request.resume().on('end', () => response.end('ok'))
      })
      const { port, raw, tokenFor } = world()
      const authorization = `Authorization: Bearer ${await tokenFor('/mcp')}`
      const hidden = `GET /mcp/hidden HTTP/1.1\r\nHost: localhost:${port}\r\n${authorization}\r\n\r\n`
      const lines = [
        'POST /mcp HTTP/1.1',
        `Host: localhost:${port}`,
        authorization,
        `Content-Length: ${hidden.length + 5}`,
        'Transfer-Encoding: chunked',
        'Connection: close',
      ]
      await raw(`${lines.join('\r\n')}\r\n\r\n0\r\n\r\n${hidden}`, 1500)
      expect(requests).toBeLessThan(2)
    })
  })

  describe('a hundred megabytes', () => {
    const CHUNK = Buffer.alloc(256 * 1024, 7)
    const CHUNKS = 400
    const ALL = CHUNK.length * CHUNKS
    /** What sockets and buffers on the way may hold, in bytes. */
    const BUFFERED = ALL / 4
    const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

    test('of a request wait for an MCP server that does not read', async () => {
      let received = 0
      let resume: (() => void) | undefined
      world().handle((request, response) => {
        resume = () => request.on('data', (chunk: Buffer) => (received += chunk.length))
        request.on('end', () => response.end('done'))
      })
      let made = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (made++ < CHUNKS) controller.enqueue(new Uint8Array(CHUNK))
          else controller.close()
        },
      })
      const answer = world().send('/mcp', { method: 'POST', body, duplex: 'half' })
      const proceed = await until(() => resume)
      await wait(1500)
      expect(made * CHUNK.length).toBeLessThan(BUFFERED)
      proceed()
      expect(await (await answer).text()).toBe('done')
      expect(received).toBe(ALL)
    }, 60_000)

    test('of a response wait for a client that does not read', async () => {
      let sent = 0
      world().handle((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        const more = (): unknown => {
          while (sent < CHUNKS) {
            sent++
            if (!response.write(CHUNK)) return response.once('drain', more)
          }
          return response.end()
        }
        more()
      })
      const response = await world().send('/mcp')
      expect(response.status).toBe(200)
      await wait(1500)
      expect(sent * CHUNK.length).toBeLessThan(BUFFERED)
      let size = 0
      for await (const chunk of response.body!) size += chunk.length
      expect(size).toBe(ALL)
    }, 60_000)
  })
}
