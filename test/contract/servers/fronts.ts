import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The addresses around a proxy in front. */
export interface Around {
  /** The port that clients use. */
  readonly port: number
  /** The port of Lockgate. */
  readonly lockgate: number
  /** `host:port` of the MCP server. */
  readonly mcp: string
  readonly secret: string
}

const guide = readFileSync(new URL('../../../docs/deploy/forward-auth.md', import.meta.url), 'utf8')

/** Returns the snippet of the guide, with the addresses of a test. */
function snippet(language: string, { lockgate, mcp, secret }: Around): string {
  const text = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1]
  if (text === undefined) throw new Error(`the guide has no ${language}`)
  return text
    .replaceAll('127.0.0.1:8787', `127.0.0.1:${lockgate}`)
    .replaceAll('127.0.0.1:3000', mcp)
    .replaceAll('the secret', secret)
}

/** nginx as the guide to forward auth configures it, without TLS. */
export async function nginxInFront(around: Around, more = ''): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-front-'))
  const server = snippet('nginx', around)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${around.port};\n${more}`)
    .replace('server_name mcp.example.com;', '')
    .replace(/ssl_certificate\S*\s+\S+;/g, '')
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_processes 1; events {}
     http { access_log off; ${folders.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
     ${server} }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'])
  return started('nginx', child, around.port, folder)
}

/** Caddy as the guide configures it, without TLS. */
export async function caddyInFront(around: Around): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-front-'))
  const file = join(folder, 'Caddyfile')
  const site = snippet('caddyfile', around).replace('mcp.example.com', `http://localhost:${around.port}`)
  writeFileSync(file, `{\n  admin off\n  auto_https off\n}\n${site}`)
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', file], { env })
  return started('caddy', child, around.port, folder)
}

async function started(
  name: string,
  child: ChildProcess,
  port: number,
  folder: string,
): Promise<() => Promise<void>> {
  let output = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  for (let tries = 0; ; tries++) {
    const answers = await fetch(`http://localhost:${port}/`).then(
      () => true,
      () => false,
    )
    if (answers) break
    if (tries > 100 || child.exitCode !== null) throw new Error(`${name} did not start: ${output}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    // A graceful stop would wait for open event streams.
    child.kill('SIGKILL')
    await gone
    rmSync(folder, { recursive: true })
  }
}
