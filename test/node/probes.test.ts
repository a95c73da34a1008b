import { createProxy } from 'lockgate'
import { serve } from 'lockgate/node'
import { google } from 'lockgate/providers/google'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { raw } from './raw.ts'

/* The health checks of load balancers and orchestrators, as they go over the wire. */

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function start(path: string) {
  const proxy = createProxy({
    url: `https://mcp.example.com${path}`,
    secret: 'k9Zq3vT8xW1nB5yR7mC4pL6sD2fG0hJq',
    upstream: google({ clientId: 'id', clientSecret: 'secret' }),
    storage: memory(),
    mcp: 'http://127.0.0.1:9/mcp',
    allow: ['@example.com'],
  })
  const served = await serve(proxy, { port: 0 })
  closing.push(() => served.close(true))
  return {
    drain: () => proxy.drain(),
    async ask(lines: string): Promise<string> {
      const connection = await raw(served.url)
      connection.write(`${lines}\r\n\r\n`)
      const text = await connection.until(/^HTTP\/1\.1 \d+/)
      connection.socket.destroy()
      return /^HTTP\/1\.1 (\d+)/.exec(text)![1]!
    },
  }
}

describe.each(['', '/tools'])('below "%s", a health check', (path) => {
  test.each([
    [
      'of Kubernetes',
      'GET %/health HTTP/1.1\r\nHost: 10.0.0.5:8787\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\nConnection: close',
    ],
    [
      'of a cloud load balancer',
      'GET %/health HTTP/1.1\r\nHost: 10.0.0.5\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close',
    ],
    ['of HAProxy, without a host', 'GET %/health HTTP/1.0'],
    ['of HAProxy by HEAD', 'HEAD %/health HTTP/1.0'],
    ['with the address in front', 'GET http://10.0.0.5%/health HTTP/1.1\r\nHost: 10.0.0.5'],
    ['with a query', 'GET %/health?from=probe HTTP/1.1\r\nHost: x'],
    ['by a name of the inside', 'GET %/health HTTP/1.1\r\nHost: lockgate.default.svc.cluster.local:8787'],
    ['by IPv6', 'GET %/health HTTP/1.1\r\nHost: [::1]:8787'],
  ])('%s is 200 while it serves, and 503 while it drains', async (_name, lines) => {
    const { ask, drain } = await start(path)
    const request = lines.replace('%', path)
    expect(await ask(request)).toBe('200')
    drain()
    expect(await ask(request)).toBe('503')
  })
})

test('every other request needs a host, also over HTTP/1.0', async () => {
  const { ask } = await start('')
  for (const target of [
    '/',
    '/mcp',
    '/token',
    '/healthy',
    '/health/x',
    '/.well-known/oauth-authorization-server',
  ]) {
    expect(await ask(`GET ${target} HTTP/1.0`), target).toBe('400')
  }
  expect(await ask('GET /health HTTP/1.1'), 'HTTP/1.1 demands one everywhere').toBe('400')
})
