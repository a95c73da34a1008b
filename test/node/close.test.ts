import { request as send } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type NodeServeOptions, serve } from 'lockgate/node'
import { afterEach, describe, expect, test } from 'vitest'
import { pairsOf } from '../../adapters/node/head.ts'
import { raw } from './raw.ts'
import { forwarder, stage } from './stage.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Starts a server whose GET streams without end, and whose POST takes its time. */
async function start(
  options: NodeServeOptions = {},
  milliseconds = 300,
  report: (failure: unknown) => void = () => {},
) {
  const behind = await stage((message, outgoing) => {
    message.resume()
    if (message.method === 'GET') {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 0\n\n')
    } else {
      setTimeout(() => outgoing.end('done'), milliseconds)
    }
  })
  const ends = new Set<() => void>()
  const proxy = {
    ...forwarder(behind.url, [], () => ({
      answered: (status, headers) => ({
        type: 'deliver',
        status,
        headers: pairsOf(headers).filter(([name]) => name.startsWith('content')),
        stream: headers.has('content-type')
          ? { onEnd: (end: () => void) => void ends.add(end), closed: () => {} }
          : undefined,
      }),
    })),
    report,
    endStreams: () => {
      for (const end of ends) end()
    },
  }
  const served = await serve(proxy, { port: 0, ...options })
  closing.push(() => served.close(true), behind.close)
  return { served, url: served.url }
}

const timed = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work
  return performance.now() - began
}

const slow = ['POST / HTTP/1.1', 'host: a', 'content-length: 0', '', '']

test('an idle connection stays open for longer than a load balancer keeps it, and the client is told', async () => {
  const { url } = await start({}, 0)
  const response = await fetch(url, { method: 'POST' })
  expect(response.headers.get('keep-alive')).toBe('timeout=75')
})

test('an idle connection closes after the time that is set', async () => {
  const { url } = await start({ keepAlive: 0.2 }, 0)
  const client = await raw(url)
  client.write(...slow)
  await client.until('done')
  expect(await timed(client.closed())).toBeLessThan(2000)
})

test('a connection does not wait for a second request if the time is 0', async () => {
  const { url } = await start({ keepAlive: 0 }, 0)
  const client = await raw(url)
  client.write(...slow)
  await client.until('done')
  expect(await timed(client.closed())).toBeLessThan(2000)
})

describe('a server that is asked to stop', () => {
  test('stops within half a second if it is idle, whatever clients keep open', async () => {
    const { served, url } = await start({}, 0)
    const [used, silent] = [await raw(url), await raw(url)]
    used.write(...slow)
    await used.until('done')
    expect(await timed(served.close())).toBeLessThan(500)
    await Promise.all([used.closed(), silent.closed()])
  })

  test('accepts no connection any more', async () => {
    const { served, url } = await start()
    const client = await raw(url)
    client.write(...slow)
    await sleep(50)
    const stopped = served.close()
    await sleep(100)
    await expect(fetch(url)).rejects.toThrow()
    await client.until('done')
    await stopped
  })

  test('finishes what is under way, and says with every response that the connection closes', async () => {
    const { served, url } = await start()
    const [before, after] = [await raw(url), await raw(url)]
    before.write(...slow)
    await sleep(50)
    const stopped = served.close()
    await sleep(100)
    // A request on a connection that was open already is served.
    after.write(...slow)
    for (const client of [before, after]) {
      await client.until('done')
      expect(client.text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close/i)
      await client.closed()
    }
    expect(await timed(stopped)).toBeLessThan(200)
  })

  test('ends event streams as the MCP server would', async () => {
    const { served, url } = await start()
    const response = await fetch(url)
    const text = response.text()
    const stopped = timed(served.close())
    expect(await text).toBe('data: 0\n\n')
    expect(await stopped).toBeLessThan(1000)
  })

  test('waits for responses no longer than the drain time', async () => {
    const { served, url } = await start({ drain: 0.5 }, 60_000)
    const sent = fetch(url, { method: 'POST' })
    await sleep(50)
    const [took] = await Promise.all([timed(served.close()), expect(sent).rejects.toThrow()])
    expect(took).toBeGreaterThan(450)
    expect(took).toBeLessThan(1500)
  })

  test('reports how many responses it cut, and nothing if it cut none', async () => {
    const told: unknown[] = []
    const { served, url } = await start({ drain: 0.3 }, 60_000, (failure) => told.push(failure))
    const sent = [1, 2].map(() => fetch(url, { method: 'POST' }).catch(() => {}))
    await sleep(50)
    await served.close()
    await Promise.all(sent)
    expect(told).toEqual([{ reason: 'responses-cut', detail: '2' }])
    const idle = await start({}, 0, (failure) => told.push(failure))
    await (await fetch(idle.url, { method: 'POST' })).text()
    await Promise.all([idle.served.close(), idle.served.close(true)])
    expect(told).toHaveLength(1)
  })

  test.each(['drain', 'delay', 'keepAlive'])(
    'takes no time for %s that a timer cannot wait for',
    async (name) => {
      for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2_147_484, '5' as never]) {
        const started = serve({ fetch: async () => new Response() }, { port: 0, [name]: time })
        await expect(started).rejects.toMatchObject({ issues: [{ path: name }] })
      }
      const longest = await serve({ fetch: async () => new Response() }, { port: 0, [name]: 2_147_483 })
      await longest.close(true)
    },
  )

  test('cuts what is open when it is told to', async () => {
    const { served, url } = await start({}, 60_000)
    const sent = fetch(url, { method: 'POST' })
    await sleep(50)
    const stopped = served.close()
    await sleep(50)
    const [took] = await Promise.all([timed(served.close(true)), expect(sent).rejects.toThrow()])
    expect(took).toBeLessThan(300)
    await stopped
  })

  test('goes on for the delay, so that a load balancer stops sending first', async () => {
    const { served, url } = await start({ delay: 0.6 }, 0)
    const stopped = timed(served.close())
    await sleep(100)
    const response = await fetch(url, { method: 'POST' })
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close'])
    expect(await stopped).toBeGreaterThan(550)
    await expect(fetch(url)).rejects.toThrow()
  })

  test('waits for work that goes on after a response', async () => {
    let done = false
    const served = await serve(
      {
        async fetch(_request, native) {
          ;(native as { waitUntil(work: Promise<unknown>): void }).waitUntil(
            sleep(600).then(() => {
              done = true
            }),
          )
          return new Response()
        },
      },
      { port: 0 },
    )
    await (await fetch(served.url)).text()
    await served.close()
    expect(done).toBe(true)
  })
})

test('CONNECT gets a response', async () => {
  const { served, url } = await start()
  const { port } = new URL(url)
  const status = new Promise((resolve, reject) => {
    send({ port, host: '127.0.0.1', method: 'CONNECT', path: 'example.com:443' })
      .on('connect', ({ statusCode }, socket) => {
        socket.destroy()
        resolve(statusCode)
      })
      .on('error', reject)
      .end()
  })
  expect(await status).toBeGreaterThanOrEqual(400)
  await served.close()
})
