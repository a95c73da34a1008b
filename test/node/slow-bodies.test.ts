import { connect, type Socket } from 'node:net'
import { serve } from 'lockgate/node'
import { expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startSystem } from '../support/system.ts'

const CONNECTIONS = 200
const PATHS = ['/register', '/token', '/authorize', '/revoke']

test('two hundred bodies that never end are gone after 20 seconds, and others are served meanwhile', {
  timeout: 60_000,
}, async () => {
  const port = await freePort()
  const system = await startSystem({ url: `http://localhost:${port}`, limits: false })
  const server = await serve(system.proxy, { port, hostname: 'localhost' })
  const began = performance.now()
  const ends: number[] = []
  const firstLines = new Set<string>()
  const open = new Set<Socket>()
  for (let n = 0; n < CONNECTIONS; n++) {
    const socket = connect(port, 'localhost')
    open.add(socket)
    socket.write(
      `POST ${PATHS[n % PATHS.length]} HTTP/1.1\r\nhost: localhost:${port}\r\n` +
        `content-type: ${n % PATHS.length === 0 ? 'application/json' : 'application/x-www-form-urlencoded'}\r\n` +
        'content-length: 5000\r\n\r\na',
    )
    socket.on('data', (chunk) => firstLines.add(chunk.toString().split('\r\n', 1)[0]!))
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      ends.push(performance.now() - began)
    })
  }
  // One more byte now and then, as a patient attacker sends it.
  const drip = setInterval(() => {
    for (const socket of open) socket.write('a')
  }, 3000)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(open.size, 'they hold their connections at first').toBe(CONNECTIONS)
  expect((await fetch(`${system.url}/.well-known/oauth-authorization-server`)).status).toBe(200)
  await expect.poll(() => open.size, { timeout: 25_000, interval: 100 }).toBe(0)
  clearInterval(drip)
  const last = Math.max(...ends)
  console.log(`${CONNECTIONS} slow bodies: the last connection was gone after ${(last / 1000).toFixed(1)} s`)
  expect(last).toBeLessThan(20_000)
  expect([...firstLines]).toEqual(['HTTP/1.1 408 Request Timeout'])
  await server.close(true)
  await system.close()
})
