import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { listening } from './redis.ts'

/** A PostgreSQL of one's own. */
export interface PostgresServer {
  readonly url: string
  /** The server's process; none where `POSTGRES_URL` names one that runs already. */
  readonly process: ChildProcess | undefined
  /** Kills the server, and starts another one on the same port and data. */
  restart(whileDown?: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

/** Where Debian keeps them: the newest version's. */
const bin = findBinaries()

/** What is missing on this machine, for the message that says so. */
export const noPostgres: string | undefined =
  process.env.POSTGRES_URL || bin ? undefined : 'postgresql in /usr/lib/postgresql, or POSTGRES_URL'

function findBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(root, version, 'bin')).find((dir) => existsSync(join(dir, 'initdb')))
}

export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env.POSTGRES_URL
  if (given) return { url: given, process: undefined, restart: async () => {}, stop: async () => {} }
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'lockgate-postgres-'))
  const owner = ownerOf(dir)
  const data = join(dir, 'data')
  execFileSync(join(bin!, 'initdb'), ['-D', data, '-U', 'lockgate', '-A', 'trust', '-N'], {
    stdio: 'ignore',
    ...owner,
  })
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir, '-F']
  const start = () => {
    const server = spawn(join(bin!, 'postgres'), args, { stdio: 'ignore', cwd: dir, ...owner })
    return { server, ended: new Promise<void>((resolve) => server.once('exit', () => resolve())) }
  }
  let { server, ended } = start()
  // A run that is cut short must not leave it behind.
  const end = () => server.kill('SIGQUIT')
  process.once('exit', end)
  const url = `postgres://lockgate@127.0.0.1:${port}/postgres`
  await listening(port)
  await ready(port)
  return {
    url,
    get process() {
      return server
    },
    async restart(whileDown) {
      end()
      await ended
      await whileDown?.()
      ;({ server, ended } = start())
      await listening(port)
      await ready(port)
    },
    async stop() {
      process.off('exit', end)
      end()
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** It listens before it answers. @throws {Error} Where it does not answer within ten seconds. */
async function ready(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { status } = spawnSync(join(bin!, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port), '-q'])
    if (status === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('PostgreSQL did not start')
}

/** PostgreSQL refuses to run as root. */
function ownerOf(dir: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  const owner = { uid: id('-u'), gid: id('-g') }
  chownSync(dir, owner.uid, owner.gid)
  chmodSync(dir, 0o700)
  return owner
}
