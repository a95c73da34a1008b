import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Child, start } from '../runtime/child.ts'
import { freePort } from '../support/free-port.ts'
import { load, requestBytes } from './load.ts'

const KEY = 'a key of the benchmark, long enough to be one'
const SECRET = 'a-secret-of-the-proxy-in-front-long-enough'
const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } })

const programs = fileURLToPath(new URL('./programs/', import.meta.url))

/** nginx as it is, as it asks Lockgate about each request, and as it passes each request to Lockgate. */
const configuration = (ports: Readonly<Record<string, number>>, folder: string) => `
daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_processes 1; events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
  upstream gate { server 127.0.0.1:${ports.gate}; keepalive 64; keepalive_requests 1000000; }
  upstream behind { server 127.0.0.1:${ports.behind}; keepalive 64; keepalive_requests 1000000; }
  server { listen 127.0.0.1:${ports.alone}; location / { proxy_pass http://behind; } }
  server {
    listen 127.0.0.1:${ports.through};
    location / { proxy_pass http://gate; proxy_set_header Connection ""; proxy_set_header Host $http_host; }
  }
  server {
    listen 127.0.0.1:${ports.asking};
    location = /forward-auth {
      internal; proxy_pass http://gate; proxy_pass_request_body off;
      proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header Host $http_host;
      proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Forward-Auth-Secret "${SECRET}";
    }
    location / {
      auth_request /forward-auth; auth_request_set $user $upstream_http_x_lockgate_user_id;
      proxy_pass http://behind; proxy_set_header Connection ""; proxy_set_header X-Lockgate-User-Id $user;
      proxy_set_header Authorization "";
    }
  }
}`

/** Requests per second, median and 99th percentile in milliseconds. */
interface Cost {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** Measures what a request costs through nginx alone, with forward auth, and through Lockgate. */
export async function measureForwardAuth(requests: number): Promise<Record<string, Cost>> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-forward-auth-'))
  const names = ['behind', 'gate', 'alone', 'asking', 'through']
  const found = await Promise.all(names.map(freePort))
  const ports = Object.fromEntries(names.map((name, index) => [name, found[index]!])) as Record<
    string,
    number
  >
  const children: Child[] = []
  let nginx: ChildProcess | undefined
  try {
    const run = async (program: string, port: number, path: string, env: Record<string, string>) => {
      const options = {
        url: `http://127.0.0.1:${port}${path}`,
        cwd: programs,
        env: { PORT: String(port), ...env },
      }
      children.push(await start([process.execPath, `${programs}${program}.js`], options))
    }
    await run('behind', ports.behind!, '/', {})
    await run('lockgate', ports.gate!, '/health', {
      MCP_URL: `http://127.0.0.1:${ports.behind}/mcp`,
      PROVIDER_URL: 'http://127.0.0.1:9',
      API_KEY_HASH: createHash('sha256').update(KEY).digest('hex'),
      PUBLIC_URL: 'http://localhost',
      FORWARD_AUTH_SECRET: SECRET,
    })
    await writeFile(join(folder, 'nginx.conf'), configuration(ports, folder))
    nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
    await sleep(500)
    const headers = {
      host: 'localhost',
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    }
    const bytes = requestBytes('POST', '/mcp', headers, BODY)
    const costs: Record<string, Cost> = {}
    for (const [name, label] of [
      ['alone', 'nginx alone'],
      ['asking', 'nginx with forward auth'],
      ['through', 'nginx in front of Lockgate'],
    ] as const) {
      const given = { port: ports[name]!, connections: 16, bytes }
      await load({ ...given, requests: Math.ceil(requests / 5) })
      const began = performance.now()
      const times = await load({ ...given, requests })
      costs[label] = {
        perSecond: Math.round((requests / (performance.now() - began)) * 1000),
        p50: times[Math.floor(requests * 0.5)]!,
        p99: times[Math.floor(requests * 0.99)]!,
      }
    }
    return costs
  } finally {
    nginx?.kill('SIGKILL')
    await Promise.all(children.map((child) => child.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.table(await measureForwardAuth(Number(process.argv[2] ?? 20_000)))
}
