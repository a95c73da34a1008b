import { execFileSync, spawn } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { listening } from './redis.ts'

/** What is missing on this machine, for the message that says so. */
export const noPgbouncer: string | undefined = works() ? undefined : 'pgbouncer on the PATH'

function works(): boolean {
  try {
    execFileSync('pgbouncer', ['--version'])
    return true
  } catch {
    return false
  }
}

/** Starts a PgBouncer in front of a server. */
export async function startPgbouncer(
  behind: string,
  mode: 'session' | 'transaction' | 'statement' = 'transaction',
): Promise<{ url: string; stop(): Promise<void> }> {
  const server = new URL(behind)
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'lockgate-pgbouncer-'))
  const file = join(dir, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `postgres = host=127.0.0.1 port=${server.port} dbname=postgres user=lockgate`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    'default_pool_size = 5',
    // As the guide says. By default it tries a server that was away again after fifteen seconds.
    'server_login_retry = 1',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'postgres'] : []
  if (user.length > 0) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
    for (const path of [dir, file]) await chown(path, id('-u'), id('-g'))
    await chmod(dir, 0o700)
  }
  const child = spawn('pgbouncer', ['-q', ...user, file], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  await listening(port)
  return {
    url: `postgres://lockgate@127.0.0.1:${port}/postgres`,
    async stop() {
      process.off('exit', end)
      end()
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
