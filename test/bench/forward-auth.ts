import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.ts'
import { startField } from './forwarding.ts'
import { load, percentile } from './load.ts'
import { median } from './measure.ts'
import { cpuOf } from './process-cpu.ts'
import type { Target } from './targets.ts'

const SECRET = 'a-secret-of-the-proxy-in-front-long-enough'
const CONNECTIONS = 16

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

/** The ways of a request to the server, by the port of nginx that takes it. */
const WAYS = {
  alone: 'nginx alone',
  asking: 'nginx with forward auth',
  through: 'nginx in front of Lockgate',
} as const
type Way = keyof typeof WAYS

/** What a request costs: medians over the rounds. */
export interface ForwardAuthCost {
  readonly name: string
  /** CPU microseconds of nginx, Lockgate and the server together. */
  readonly micros: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** How many times the figures of nginx alone in the same round. */
  readonly ratio: { readonly micros: number; readonly p50: number }
}

/** Waits until something accepts connections. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1')
    const [name] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'error').then(() => ['error']),
    ]).catch(() => ['error'])
    socket.destroy()
    if (name === 'connect') return
    await sleep(50)
  }
  throw new Error(`nginx does not listen at port ${port}.`)
}

/**
 * Measures what a small request costs through nginx alone, with forward auth, and through Lockgate, in rounds.
 *
 * @returns `undefined` if nginx is missing.
 */
export async function measureForwardAuth(
  rounds: number,
  requests: number,
): Promise<readonly ForwardAuthCost[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-forward-auth-'))
  const field = await startField()
  let nginx: ChildProcess | undefined
  try {
    const gate = await field.start({
      name: 'gate',
      binary: process.execPath,
      program: 'lockgate',
      forwards: true,
      env: { FORWARD_AUTH_SECRET: SECRET },
    })
    const ways = Object.keys(WAYS) as Way[]
    const ports = { behind: Number(new URL(field.mcpUrl).port), gate: gate.port } as Record<string, number>
    for (const way of ways) ports[way] = await freePort()
    await writeFile(join(folder, 'nginx.conf'), configuration(ports, folder))
    nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
    const missing = once(nginx, 'error').then(() => true)
    if (await Promise.race([missing, once(nginx, 'spawn').then(() => false)])) return undefined
    await listening(ports.alone!)

    const pids = [nginx.pid!, gate.child.pid!, field.behind.pid!]
    const worked = () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0)
    const under = (way: Way) =>
      load({ port: ports[way]!, connections: CONNECTIONS, bytes: gate.bytes, requests })
    for (const way of ways) await under(way)
    const samples: Record<Way, { micros: number; p50: number; p99: number }[]> = {
      alone: [],
      asking: [],
      through: [],
    }
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) {
        const before = worked()
        const times = await under(way)
        const micros = (worked() - before) / requests
        samples[way].push({ micros, p50: percentile(times, 0.5), p99: percentile(times, 0.99) })
      }
    }
    return ways.map((way) => {
      const at = (figure: 'micros' | 'p50' | 'p99') => median(samples[way].map((one) => one[figure]))
      const over = (figure: 'micros' | 'p50') =>
        median(samples[way].map((one, round) => one[figure] / samples.alone[round]![figure]))
      return {
        name: WAYS[way],
        micros: at('micros'),
        p50: at('p50'),
        p99: at('p99'),
        ratio: { micros: over('micros'), p50: over('p50') },
      }
    })
  } finally {
    nginx?.kill('SIGKILL')
    await field.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Says what forward auth costs. No target is set: the line holds if it was measured. */
export function judgeForwardAuth(costs: readonly ForwardAuthCost[] | undefined): Target {
  const asking = costs?.find(({ name }) => name === WAYS.asking)
  return {
    target: 'forward auth: cost per request against nginx alone',
    measured: asking
      ? `p50 ${asking.ratio.p50.toFixed(2)} ×, CPU ${asking.ratio.micros.toFixed(2)} × (${asking.micros.toFixed(0)} µs)`
      : 'nginx is missing',
    holds: asking !== undefined,
  }
}

/** Rows for `console.table`. */
export const rowsOf = (costs: readonly ForwardAuthCost[]) =>
  Object.fromEntries(
    costs.map(({ name, micros, p50, p99, ratio }) => [
      name,
      {
        cpu: Math.round(micros),
        p50,
        p99,
        'cpu ×': ratio.micros.toFixed(2),
        'p50 ×': ratio.p50.toFixed(2),
      },
    ]),
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rounds = '7', requests = '3000'] = process.argv.slice(2)
  const costs = await measureForwardAuth(Number(rounds), Number(requests))
  if (costs) console.table(rowsOf(costs))
  console.log(judgeForwardAuth(costs))
}
