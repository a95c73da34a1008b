import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import {
  type AddressInfo,
  connect as connectTo,
  createServer as createTcpServer,
  type Socket,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { certify } from '../outbound/certificate.ts'
import { type Run, startCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startServed } from '../support/served.ts'
import { connect } from '../support/system.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-stop-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

function serve(env: Record<string, string>): Run {
  const run = startCommand(folder, ['serve'], env)
  children.push(run.child)
  return run
}

/** Somebody signed in, at a `serve` in front of a server that streams on GET and takes its time on POST. */
async function guarded(delay: number, env: Record<string, string> = {}) {
  const behind = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
    } else {
      request.resume()
      setTimeout(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"done":true}'),
        delay,
      )
    }
  })
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  const { run, provider, system } = await startServed(folder, {
    mcp: `http://127.0.0.1:${(behind.address() as { port: number }).port}/mcp`,
    env,
  })
  children.push(run.child)
  const { tokens } = await connect(system)
  const headers = { authorization: `Bearer ${tokens.access_token}`, accept: 'text/event-stream' }
  const close = async () => {
    behind.closeAllConnections()
    behind.close()
    await provider.close()
  }
  return { run, mcp: system.mcp, headers, close }
}

/** What needs nothing else. */
const DEV = {
  LOCKGATE_UPSTREAM: 'dev',
  LOCKGATE_MCP: 'http://127.0.0.1:9/mcp',
  LOCKGATE_STORAGE: 'memory:',
}

/** Tries to open a new connection to a server. */
const connects = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTo(Number(new URL(url).port), '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

describe('asked to stop, serve', () => {
  test('ends event streams, finishes what is under way, takes nothing new, and says 0', async () => {
    const { run, mcp, headers, close } = await guarded(1200)
    const stream = await fetch(mcp, { headers })
    const reader = stream.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(': hello\n\n')
    const answer = fetch(mcp, { method: 'POST', headers, body: '{}' })
    await sleep(300)
    const asked = Date.now()
    run.child.kill('SIGTERM')
    expect((await reader.read()).done, 'the stream ends as its server might end it').toBe(true)
    // A connection that is open may still carry a request, whose response closes it. A new one is refused.
    await expect.poll(() => connects(mcp)).toBe(false)
    expect(await (await answer).json()).toEqual({ done: true })
    expect(await run.code).toBe(0)
    expect(Date.now() - asked, 'it does not wait for connections that are only kept open').toBeLessThan(3000)
    await close()
  })

  test('waits no longer than the drain time', async () => {
    const { run, mcp, headers, close } = await guarded(60_000, { LOCKGATE_DRAIN: '2' })
    const answer = fetch(mcp, { method: 'POST', headers, body: '{}' }).catch((error: Error) => error)
    await sleep(300)
    const asked = Date.now()
    run.child.kill('SIGTERM')
    expect(await run.code).toBe(0)
    expect(Date.now() - asked).toBeGreaterThan(1900)
    expect(Date.now() - asked).toBeLessThan(6000)
    expect(await answer).toBeInstanceOf(Error)
    await close()
  })

  test('is not ready any more before it refuses connections', async () => {
    const { run, mcp, headers, close } = await guarded(10, { LOCKGATE_DELAY: '2' })
    const health = () => fetch(new URL('/health', mcp)).then(({ status }) => status)
    expect(await health()).toBe(200)
    run.child.kill('SIGTERM')
    await sleep(300)
    expect(await health()).toBe(503)
    const during = await fetch(mcp, { method: 'POST', headers, body: '{}' })
    expect([during.status, during.headers.get('connection')]).toEqual([200, 'close'])
    expect(await run.code).toBe(0)
    await close()
  })

  test('names how many responses it cut at the end of the drain time', async () => {
    const { run, mcp, headers, close } = await guarded(60_000, { LOCKGATE_DRAIN: '1', LOCKGATE_LOG: 'json' })
    const sent = [1, 2].map(() => fetch(mcp, { method: 'POST', headers, body: '{}' }).catch(() => {}))
    await sleep(500)
    run.child.kill('SIGTERM')
    expect(await run.code).toBe(0)
    await Promise.all(sent)
    const events = run
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(events).toContainEqual(expect.objectContaining({ reason: 'responses-cut', detail: '2' }))
    await close()
  })

  test('stops in order from the moment at which it says that it is ready', async () => {
    for (let tries = 0; tries < 5; tries++) {
      const run = serve({ PORT: String(await freePort()), ...DEV })
      run.child.stderr!.once('data', () => run.child.kill('SIGTERM'))
      // A process that the signal itself ends has no code.
      expect(await run.code).toBe(0)
    }
  })

  test('during its start ends without a word, as it would later', async () => {
    const silent = createTcpServer((socket) => void sockets.add(socket))
    const sockets = new Set<Socket>()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const run = serve({ PORT: '0', ...DEV, LOCKGATE_STORAGE: `redis://127.0.0.1:${port}` })
    await expect.poll(() => sockets.size).toBeGreaterThan(0)
    run.child.kill('SIGTERM')
    expect([await run.code, run.err()]).toEqual([0, ''])
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  test('ends at once when it is asked again', async () => {
    const { run, mcp, headers, close } = await guarded(60_000)
    fetch(mcp, { method: 'POST', headers, body: '{}' }).catch(() => {})
    await sleep(300)
    const asked = Date.now()
    run.child.kill('SIGTERM')
    await sleep(200)
    run.child.kill('SIGINT')
    expect(await run.code).toBe(130)
    expect(Date.now() - asked).toBeLessThan(2000)
    await close()
  })
})

const certificate = certify('localhost')
const other = certify('localhost')
if (!certificate) console.warn('TLS of serve is not tested; missing: openssl')

describe.skipIf(!certificate)('with a certificate', () => {
  const env = {
    LOCKGATE_UPSTREAM: 'oidc',
    LOCKGATE_UPSTREAM_ISSUER: 'https://id.example.com',
    LOCKGATE_UPSTREAM_CLIENT_ID: 'id',
    LOCKGATE_MCP: 'http://127.0.0.1:3000/mcp',
    LOCKGATE_TLS_CERT: 'cert.pem',
    LOCKGATE_TLS_KEY: 'key.pem',
  }

  test('serve speaks https, and is at an https address by default', async () => {
    await writeFile(join(folder, 'cert.pem'), certificate!.cert)
    await writeFile(join(folder, 'key.pem'), certificate!.key)
    const port = await freePort()
    const run = serve({ ...env, PORT: String(port) })
    await run.ready()
    const metadata = await new Promise<string>((resolve, reject) => {
      const path = '/.well-known/oauth-authorization-server'
      const options = { host: 'localhost', port, path, ca: certificate!.cert, family: 4 }
      httpsRequest(options, async (response) => {
        let text = ''
        for await (const chunk of response) text += String(chunk)
        resolve(text)
      })
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(metadata)).toMatchObject({ issuer: `https://localhost:${port}` })
    const plain = new Promise((_resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path: '/health' }).on('error', reject).end()
    })
    await expect(plain).rejects.toThrow()
  })

  test('that belongs to another key serve does not start', async () => {
    await writeFile(join(folder, 'cert.pem'), certificate!.cert)
    await writeFile(join(folder, 'key.pem'), other!.key)
    const run = serve({ ...env, PORT: String(await freePort()) })
    expect(await run.code).toBe(1)
    expect(run.err()).toContain('LOCKGATE_TLS_CERT, LOCKGATE_TLS_KEY: expected a certificate and its own key')
  })
})
