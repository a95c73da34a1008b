import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { lookup } from 'node:dns'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serve } from 'lockgate/node'
import { Agent, setGlobalDispatcher } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { certify } from '../outbound/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { type System, startSystem } from '../support/system.ts'
import { adapt, blockOf } from './blocks.ts'
import { callTool } from './sign-in.ts'

/** The configurations of the guide, in the real servers, before a real sign-in. */

const DOCUMENT = 'docs/deploy/behind-a-proxy.md'
const HOST = 'mcp.example.com'
const missing = {
  nginx: existsSync('/usr/sbin/nginx') ? undefined : 'nginx',
  caddy: existsSync('/usr/bin/caddy') ? undefined : 'caddy',
}
for (const name of Object.values(missing))
  if (name) console.warn(`The guide for ${name} is not tested; missing: ${name}`)

const certificate = certify(HOST)!
let folder: string
let mcp: { url: string; close(): Promise<void> }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-guides-'))
  await writeFile(join(folder, 'cert.pem'), certificate.cert)
  await writeFile(join(folder, 'key.pem'), certificate.key)
  mcp = await startMcpServer()
  // The public name leads to this machine, and its certificate is known.
  setGlobalDispatcher(
    new Agent({
      connect: {
        ca: certificate.cert,
        lookup: (host, options, done) =>
          lookup(host === HOST || host === 'example.com' ? '127.0.0.1' : host, options, done),
      },
    }),
  )
})
afterAll(async () => {
  await mcp?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a system behind a server that listens on `port`. */
async function behind(
  path: string,
  start: (ports: { outer: number; inner: number }) => Promise<ChildProcess>,
  work: (system: System) => Promise<void>,
): Promise<void> {
  const [outer, inner] = [await freePort(), await freePort()]
  const system = await startSystem({
    url: `https://${HOST}:${outer}${path}`,
    mcp: mcp.url,
    trustProxy: 1,
  })
  const server = await serve(system.proxy, { port: inner })
  const child = await start({ outer, inner })
  try {
    await listening(outer)
    await work(system)
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
    await server.close(true)
    await system.close()
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no server listens on ${port}`)
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** Makes a whole nginx configuration of a block, and lets nginx judge it before it runs. */
async function startNginx(block: string): Promise<ChildProcess> {
  const file = join(folder, 'nginx.conf')
  const paths = TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  await writeFile(
    file,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events {}\nhttp { access_log off; ${paths}\n${block}\n}\n`,
  )
  const args = ['-c', file, '-p', folder, '-e', 'stderr']
  const { stderr } = await promisify(execFile)('/usr/sbin/nginx', ['-t', ...args])
  expect(stderr).toContain('test is successful')
  expect(stderr).not.toContain('[warn]')
  return spawn('/usr/sbin/nginx', args, { stdio: 'ignore' })
}

const certificateOf = () => ({
  '/etc/ssl/mcp.example.com.pem': join(folder, 'cert.pem'),
  '/etc/ssl/mcp.example.com.key': join(folder, 'key.pem'),
})

describe.skipIf(missing.nginx)('nginx', () => {
  const block = blockOf(DOCUMENT, 'nginx', 'upstream lockgate')

  test('accepts the block of the guide, and a client signs in and calls a tool through it', () =>
    behind(
      '',
      ({ outer, inner }) =>
        startNginx(
          adapt(block, {
            ...certificateOf(),
            '127.0.0.1:8787': `127.0.0.1:${inner}`,
            'listen 443 ssl': `listen 127.0.0.1:${outer} ssl`,
          }),
        ),
      async ({ url, events }) => {
        expect(await callTool(`${url}/mcp`)).toContain('hello')
        expect(events.some(({ type }) => type === 'forwarded')).toBe(true)
      },
    ))

  test('passes a server on a sub path on, with the documents at the root', () =>
    behind(
      '/tools',
      ({ outer, inner }) => {
        const location = blockOf(DOCUMENT, 'nginx', '(/|$)')
        const whole = adapt(block, {
          ...certificateOf(),
          '127.0.0.1:8787': `127.0.0.1:${inner}`,
          'listen 443 ssl': `listen 127.0.0.1:${outer} ssl`,
        }).replace(/ {2}location \/ \{[\s\S]*?\n {2}\}\n/, location)
        return startNginx(whole)
      },
      async ({ url }) => {
        expect(await callTool(`${url}/mcp`)).toContain('hello')
        const outside = await fetch(`${new URL(url).origin}/other`)
        expect(outside.status).toBeGreaterThanOrEqual(400)
        expect(outside.headers.get('server')).toContain('nginx')
      },
    ))
})

describe.skipIf(missing.caddy)('Caddy', () => {
  const block = blockOf(DOCUMENT, 'caddyfile')

  test('needs no rewriting of the block of the guide', async () => {
    const file = join(folder, 'Caddyfile.asis')
    await writeFile(file, block)
    execFileSync('caddy', ['fmt', '--diff', file], { stdio: 'pipe' })
    const valid = await promisify(execFile)('caddy', ['adapt', '--adapter', 'caddyfile', '--config', file])
    expect(JSON.parse(valid.stdout)).toHaveProperty('apps.http')
  })

  test('lets a client sign in and call a tool through the block of the guide', () =>
    behind(
      '',
      async ({ outer, inner }) => {
        const file = join(folder, 'Caddyfile')
        const site = adapt(block, {
          [`${HOST} {`]: `https://${HOST}:${outer} {\n  bind 127.0.0.1\n  tls ${folder}/cert.pem ${folder}/key.pem`,
          '127.0.0.1:8787': `127.0.0.1:${inner}`,
        })
        await writeFile(
          file,
          `{\n  admin off\n  auto_https disable_redirects\n  grace_period 1s\n  storage file_system ${folder}/caddy\n}\n${site}`,
        )
        const args = ['run', '--adapter', 'caddyfile', '--config', file]
        return spawn('caddy', args, { stdio: 'ignore', env: { ...process.env, HOME: folder } })
      },
      async ({ url }) => {
        expect(await callTool(`${url}/mcp`)).toContain('hello')
      },
    ))
})

test('the Traefik configuration has a router whose service exists, without a middleware', () => {
  interface Traefik {
    http: {
      routers: Record<string, { rule: string; service: string; middlewares?: string[]; tls: object }>
      services: Record<string, { loadBalancer: { servers: { url: string }[]; responseForwarding: object } }>
    }
  }
  const { http } = parse(blockOf(DOCUMENT, 'yaml')) as Traefik
  for (const { rule, service, middlewares, tls } of Object.values(http.routers)) {
    expect(rule).toBe('Host(`mcp.example.com`)')
    expect(http.services).toHaveProperty(service)
    expect(middlewares).toBeUndefined()
    expect(tls).toBeDefined()
  }
  for (const { loadBalancer } of Object.values(http.services)) {
    expect(loadBalancer.servers).toEqual([{ url: 'http://127.0.0.1:8787' }])
    expect(loadBalancer.responseForwarding).toEqual({ flushInterval: '-1ms' })
  }
})
