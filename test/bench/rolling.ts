import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Child, start } from '../runtime/child.ts'
import { freePort } from '../support/free-port.ts'

const KEY = 'a key of the benchmark, long enough to be one'

const programs = fileURLToPath(new URL('./programs/', import.meta.url))

/** A rolling restart: what is behind nginx, and how. */
export interface Rolling {
  /** The command that runs an instance, without its file. */
  readonly command: readonly string[]
  /** Whether nginx keeps connections to the instances open between requests. */
  readonly keepAlive: boolean
  /** Restarts of each of the three instances. */
  readonly rounds: number
  /** Requests a second. */
  readonly rate: number
  /** Milliseconds that nginx has to see that an instance is back. */
  readonly pause?: number
}

/** Outcome of a rolling restart. */
export interface Rolled {
  readonly requests: number
  /** Status, or error, of every request that did not succeed. */
  readonly failed: readonly string[]
  /** Milliseconds from SIGTERM to the end of the process, of each stop. */
  readonly stops: readonly number[]
}

const configuration = (port: number, instances: readonly number[], keepAlive: boolean, folder: string) => `
daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 2048; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream gate {
    ${instances.map((one) => `server 127.0.0.1:${one} max_fails=3 fail_timeout=1s;`).join(' ')}
    ${keepAlive ? 'keepalive 32;' : ''}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://gate; proxy_buffering off; proxy_set_header Host $http_host;
      ${keepAlive ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : ''}
    }
  }
}`

/** Restarts three instances behind nginx one after the other, while requests come in at a steady rate. */
export async function rollingRestart({
  command,
  keepAlive,
  rounds,
  rate,
  pause = 1500,
}: Rolling): Promise<Rolled> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-rolling-'))
  const [front, mcp, ...ports] = (await Promise.all(Array.from({ length: 5 }, freePort))) as [number, number]
  const children = new Map<number, Child>()
  const env = {
    MCP_URL: `http://127.0.0.1:${mcp}/mcp`,
    // No request asks it for anything.
    PROVIDER_URL: 'http://127.0.0.1:9',
    API_KEY_HASH: createHash('sha256').update(KEY).digest('hex'),
    PUBLIC_URL: `http://localhost:${front}`,
  }
  const startInstance = async (port: number) => {
    const options = {
      url: `http://127.0.0.1:${port}/health`,
      cwd: programs,
      env: { ...env, PORT: String(port) },
    }
    children.set(port, await start([...command, `${programs}lockgate.js`], options))
  }
  let nginx: ChildProcess | undefined
  try {
    const behind = { url: `http://127.0.0.1:${mcp}/`, cwd: programs, env: { PORT: String(mcp) } }
    children.set(mcp, await start([process.execPath, `${programs}behind.js`], behind))
    await Promise.all(ports.map(startInstance))
    await writeFile(join(folder, 'nginx.conf'), configuration(front, ports, keepAlive, folder))
    nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
    await sleep(500)
    const traffic = startTraffic(front, rate)
    await sleep(1000)
    const stops: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const port of ports) {
        const began = performance.now()
        await children.get(port)!.stop()
        stops.push(Math.round(performance.now() - began))
        await startInstance(port)
        await sleep(pause)
      }
    }
    return { ...(await traffic.stop()), stops }
  } finally {
    nginx?.kill('SIGKILL')
    await Promise.all([...children.values()].map((child) => child.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

/** Sends small calls at a steady rate, however long each takes. */
function startTraffic(port: number, rate: number) {
  const agent = new Agent({ keepAlive: true })
  const failed: string[] = []
  let requests = 0
  let pending = 0
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } })
  const headers = {
    authorization: `Bearer ${KEY}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': Buffer.byteLength(body),
  }
  const send = () => {
    requests++
    pending++
    const end = (failure?: string) => {
      pending--
      if (failure !== undefined) failed.push(failure)
    }
    request({ agent, host: '127.0.0.1', port, path: '/mcp', method: 'POST', headers }, (response) => {
      response.resume()
      response.on('end', () => end(response.statusCode === 200 ? undefined : String(response.statusCode)))
      response.on('error', (error) => end(error.message))
    })
      .on('error', (error) => end(error.message))
      .end(body)
  }
  // In small groups, since a timer is not exact enough for one at a time.
  const timer = setInterval(() => {
    for (let count = 0; count < rate / 100; count++) send()
  }, 10)
  return {
    async stop() {
      clearInterval(timer)
      for (let waited = 0; pending > 0 && waited < 5000; waited += 50) await sleep(50)
      agent.destroy()
      return { requests, failed: [...failed, ...Array<string>(pending).fill('no response')] }
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rounds = '2', rate = '300', ...command] = process.argv.slice(2)
  for (const keepAlive of [true, false]) {
    const rolled = await rollingRestart({
      command: command.length > 0 ? command : [process.execPath],
      keepAlive,
      rounds: Number(rounds),
      rate: Number(rate),
    })
    console.log(keepAlive ? 'kept alive' : 'one each', rolled)
  }
}
