import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Carrier, startWorld, until, type World } from './world.ts'

/** How event streams begin, go on and end. */
export function streamRules(carrier: Carrier): void {
  let world: World
  let open: { aborted: boolean }[] = []

  /** Lets the MCP server send an event now and then, for as long as the connection lasts. */
  function events(every = 100): void {
    world.handle((_request, response) => {
      const state = { aborted: false }
      open.push(state)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let count = 0
      response.write('data: 0\n\n')
      const timer = setInterval(() => response.write(`data: ${++count}\n\n`), every)
      response.on('close', () => {
        clearInterval(timer)
        state.aborted = true
      })
    })
  }

  /** Reads a stream to its end. */
  function follow(response: Response): { done: boolean; ended: Promise<string> } {
    const state = { done: false, ended: Promise.resolve('') }
    state.ended = response.text().then(
      (text) => {
        state.done = true
        return text
      },
      (error) => {
        state.done = true
        throw error
      },
    )
    return state
  }

  const listen = (path = '/mcp', init: RequestInit = {}) =>
    world.send(path, { headers: { accept: 'text/event-stream' }, ...init })

  const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

  async function revoke(): Promise<void> {
    const { proxy } = world.system
    for await (const { user, id } of proxy.grants.all()) await proxy.grants.revoke({ user, id }, { wait: 0 })
  }

  beforeEach(async () => {
    open = []
    world = await startWorld(carrier, { revocationLag: 1, limits: { streams: 3, allStreams: 5 } })
  })
  afterEach(() => world.close())

  test('a stream is open before its first event', async () => {
    world.handle((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const response = await listen('/mcp', { signal: AbortSignal.timeout(3000) })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await response.body!.cancel()
  })

  test('events arrive one by one, as they are sent', async () => {
    world.handle((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let count = 0
      const timer = setInterval(() => {
        response.write(`data: ${count}\n\n`)
        if (++count === 5) {
          clearInterval(timer)
          response.end()
        }
      }, 100)
    })
    const started = Date.now()
    const response = await world.send('/mcp', { method: 'POST', body: '{}' })
    const arrivals: number[] = []
    for await (const _chunk of response.body!) arrivals.push(Date.now() - started)
    expect(arrivals.length).toBe(5)
    expect(arrivals[0]).toBeLessThan(arrivals[4]! - 250)
  })

  describe('a stream that only waits', () => {
    test('ends at once when the same process revokes its grant', async () => {
      events()
      const stream = follow(await listen())
      await wait(300)
      expect(stream.done).toBe(false)
      await revoke()
      const before = Date.now()
      expect(await stream.ended).toMatch(/^data: 0\n\n/)
      expect(Date.now() - before).toBeLessThan(400)
      await until(() => open[0]!.aborted)
    })

    test('ends within the lag when another process revokes its grant', async () => {
      events()
      const stream = follow(await listen())
      const other = world.system.another()
      for await (const { user, id } of other.proxy.grants.all()) await other.proxy.grants.revoke({ user, id })
      const before = Date.now()
      await stream.ended
      expect(Date.now() - before).toBeLessThan(3000)
    })

    test('ends at the expiry of its token, also if no event comes', async () => {
      events(1_000_000)
      const stream = follow(await listen())
      await wait(300)
      world.system.clock.ahead = 3601
      await stream.ended
      await until(() => open[0]!.aborted)
    })

    test('of a POST ends likewise, if it is a subscription', async () => {
      events()
      const headers = { 'mcp-method': 'subscriptions/listen' }
      const stream = follow(await world.send('/mcp', { method: 'POST', body: '{}', headers }))
      await wait(200)
      await revoke()
      await stream.ended
    })

    test('of a POST ends likewise, if it hides its method from a revision that wants it in a header', async () => {
      events()
      const headers = { 'mcp-protocol-version': '2026-07-28' }
      const body = '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}'
      const stream = follow(await world.send('/mcp', { method: 'POST', body, headers }))
      await wait(200)
      expect(stream.done).toBe(false)
      await revoke()
      await stream.ended
    })

    test('of a handler in the same process ends likewise', async () => {
      const stream = follow(await listen('/here/events'))
      await wait(200)
      expect(stream.done).toBe(false)
      await revoke()
      await stream.ended
    })

    test('goes on while its grant is refreshed', async () => {
      events()
      const stream = follow(await listen())
      await wait(1500)
      expect(stream.done).toBe(false)
      await world.system.proxy.endStreams()
      await stream.ended
    })

    test('ends when the server is about to stop', async () => {
      events()
      const [one, other] = [follow(await listen()), follow(await listen('/here/events'))]
      world.system.proxy.endStreams()
      await Promise.all([one.ended, other.ended])
    })
  })

  describe('after a revocation', () => {
    test('the response to a call may finish', async () => {
      world.handle((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: begun\n\n')
        setTimeout(() => response.end('data: done\n\n'), 2500)
      })
      const response = await world.send('/mcp', { method: 'POST', body: '{}' })
      await revoke()
      expect(await response.text()).toBe('data: begun\n\ndata: done\n\n')
      expect((await world.send('/mcp', { method: 'POST', body: '{}' })).status).toBe(401)
    })

    test('an upload may finish', async () => {
      world.handle((request, response) => {
        let size = 0
        request.on('data', (chunk: Buffer) => {
          size += chunk.length
        })
        request.on('end', () => response.end(`${size}`))
      })
      let parts = 0
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await wait(300)
          if (++parts > 8) controller.close()
          else controller.enqueue(new Uint8Array(10))
        },
      })
      const answer = world.send('/mcp', { method: 'POST', body, duplex: 'half' })
      await wait(600)
      await revoke()
      expect(await (await answer).text()).toBe('80')
    })
  })

  describe('streams', () => {
    test('of one user are limited, and each that ends makes room', async () => {
      events()
      const aborts = [1, 2, 3].map(() => new AbortController())
      for (const { signal } of aborts) await listen('/mcp', { signal })
      const refused = await listen()
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
      expect(world.system.events.at(-1)).toMatchObject({ type: 'rate-limited', reason: 'limit-streams' })
      aborts[0]!.abort()
      await until(() => open.some(({ aborted }) => aborted))
      await wait(100)
      expect((await listen()).status).toBe(200)
      expect((await listen()).status).toBe(429)
    })

    test('are counted while no response has come, and not afterwards', async () => {
      const waiting: (() => void)[] = []
      world.handle((_request, response) => waiting.push(() => response.end('{}')))
      const calls = [1, 2, 3].map(() => world.send('/mcp', { method: 'POST', body: '{}' }))
      await until(() => waiting.length === 3)
      expect((await world.send('/mcp', { method: 'POST', body: '{}' })).status).toBe(429)
      for (const answer of waiting) answer()
      for (const call of calls) await (await call).text()
      world.handle((_request, response) => response.end('{}'))
      for (let index = 0; index < 10; index++) expect((await world.send('/mcp')).status).toBe(200)
    })

    test('of a refused, failed or abandoned request are not counted', async () => {
      for (let index = 0; index < 5; index++) {
        expect((await world.send('/gone')).status).toBe(502)
        world.handle((_request, response) => response.writeHead(401).end())
        expect((await world.send('/mcp')).status).toBe(502)
        world.handle(() => {})
        const signal = AbortSignal.timeout(100)
        await expect(world.send('/mcp', { method: 'POST', body: '{}', signal })).rejects.toThrow()
        await expect(world.send('/mcp', { signal: AbortSignal.timeout(100) })).rejects.toThrow()
      }
      await wait(200)
      world.handle((_request, response) => response.end('{}'))
      expect((await world.send('/mcp')).status).toBe(200)
    })
  })
}
