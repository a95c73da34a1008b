import { connect as dial, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { scaleTiming } from '../../../src/timing.ts'
import { type Carrier, exchange, startWorld, until, type World } from './world.ts'

const MEGABYTE = 1_048_576

/** How requests count whose bodies are read before they are judged. */
export function bodyRules(carrier: Carrier): void {
  describe('a request whose body is judged', () => {
    let world: World
    const sockets: Socket[] = []
    const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

    const start = async (limits: object) => {
      world = await startWorld(carrier, (inner) => ({
        mcp: {
          path: '/mcp',
          url: `${inner}/inner`,
          scopes: ['mcp'],
          tools: { never: 'deny', admin: 'admin' },
          public: { tools: ['search'] },
        },
        limits: { user: 10_000, anonymous: 10_000, ...limits },
        clientAddress: (request) => request.headers.get('x-test-address') ?? '192.0.2.1',
      }))
      world.handle((request, response) => request.resume().on('end', () => response.end('{}')))
    }

    beforeEach(() => start({ streams: 3, allStreams: 8 }))
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy()
      await world.close()
    })

    const message = (name: string, padding = '') =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, padding } })

    const head = async (length: number, address?: string) => {
      const authorization =
        address === undefined ? `authorization: Bearer ${await world.tokenFor('/mcp')}` : ''
      const lines = [
        'POST /mcp HTTP/1.1',
        `host: localhost:${world.port}`,
        'content-type: application/json',
        `content-length: ${length}`,
        authorization || `x-test-address: ${address}`,
      ]
      return `${lines.join('\r\n')}\r\n\r\n`
    }

    /** Sends a body without its last byte, with a token or from an address without one. */
    async function begin(size: number, address?: string): Promise<{ socket: Socket; answer: string }> {
      const state = { socket: dial(world.port, '127.0.0.1'), answer: '' }
      sockets.push(state.socket)
      state.socket.on('error', () => {})
      state.socket.on('data', (data: Buffer) => {
        state.answer += data.toString('latin1')
      })
      state.socket.write(await head(size, address))
      state.socket.write(Buffer.alloc(size - 1, 32))
      return state
    }

    const call = (name: string, padding?: string) =>
      world.send('/mcp', { method: 'POST', body: message(name, padding) })

    const callFrom = (address: string) =>
      fetch(`${world.system.url}/mcp`, {
        method: 'POST',
        body: message('search'),
        headers: { 'x-test-address': address },
      })

    /** Calls until the status is 200, because a server learns a moment later that a connection closed. */
    const eventually = async (send: () => Promise<Response>) => {
      for (let tries = 0; tries < 50; tries++) {
        if ((await send()).status === 200) return
        await wait(50)
      }
      throw new Error('it was never 200')
    }

    test.each([
      ['with a token', undefined, () => call('search')],
      ['from an address without one', '203.0.113.1', () => callFrom('203.0.113.1')],
    ])('counts before its body has come, %s', async (_, address, send) => {
      const open: Awaited<ReturnType<typeof begin>>[] = []
      for (let n = 0; n < 3; n++) open.push(await begin(2000, address))
      await wait(200)
      const refused = await send()
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
      expect(world.system.events.at(-1)).toMatchObject({ type: 'rate-limited', reason: 'limit-streams' })
      open[0]!.socket.destroy()
      await eventually(send)
    })

    test('counts no longer once it came too slowly', async () => {
      await world.tokenFor('/mcp')
      scaleTiming(0.01)
      const slow = [await begin(2000), await begin(2000), await begin(2000)]
      await until(() => slow.every(({ answer }) => answer.includes(' 408 '))).finally(() => scaleTiming(1))
      expect((await call('search')).status).toBe(200)
    })

    test('counts no longer once it is answered, refused, too large or abandoned', async () => {
      for (let n = 0; n < 5; n++) {
        expect((await call('search')).status).toBe(200)
        expect((await call('never')).status).toBe(200)
        expect((await call('admin')).status).toBe(403)
        expect((await world.send('/mcp', { method: 'POST', body: 'no JSON' })).status).toBe(400)
        expect((await world.send('/mcp', { method: 'DELETE' })).status).toBe(200)
        expect((await call('search', 'x'.repeat(MEGABYTE))).status).toBe(413)
        expect((await callFrom('203.0.113.2')).status).toBe(200)
        const stranger = await exchange(world.port, `${await head(3, '203.0.113.2')}[]x`, 100)
        expect(stranger).toContain(' 401 ')
        ;(await begin(2000)).socket.destroy()
        await eventually(() => call('search'))
      }
    })

    test('without a token takes half of what all may have open', async () => {
      for (let n = 0; n < 4; n++) await begin(2000, `203.0.113.${n}`)
      await wait(200)
      expect((await callFrom('203.0.113.9')).status).toBe(429)
      expect(world.system.events.at(-1)).toMatchObject({ type: 'rate-limited', reason: 'limit-all-streams' })
      expect((await call('search')).status).toBe(200)
    })

    describe('with a large body', () => {
      beforeEach(async () => {
        await world.close()
        await start({})
      })
      const refusals = (open: readonly { answer: string }[]) =>
        open.filter(({ answer }) => answer.includes(' 429 ')).length

      test('is refused while those of one user fill a quarter of the room, and small ones pass', async () => {
        const open: Awaited<ReturnType<typeof begin>>[] = []
        for (let n = 0; n < 20; n++) open.push(await begin(MEGABYTE))
        await until(() => refusals(open) >= 4)
        await wait(200)
        expect(refusals(open)).toBeLessThanOrEqual(6)
        expect(open.find(({ answer }) => answer !== '')!.answer.toLowerCase()).toContain('retry-after: 5')
        expect(world.system.events.at(-1)).toMatchObject({ type: 'rate-limited', reason: 'limit-bodies' })
        expect((await call('search')).status).toBe(200)
        for (const { socket } of open) socket.destroy()
        await eventually(() => call('search', 'x'.repeat(900_000)))
      })

      test('without a token leaves half of the room to users', async () => {
        const open: Awaited<ReturnType<typeof begin>>[] = []
        for (let n = 0; n < 40; n++) open.push(await begin(MEGABYTE, `203.0.113.${n}`))
        await until(() => refusals(open) >= 8)
        await wait(200)
        expect(refusals(open)).toBeLessThanOrEqual(11)
        expect((await call('search', 'x'.repeat(900_000))).status).toBe(200)
        expect((await callFrom('203.0.113.99')).status).toBe(200)
      })
    })
  })
}
