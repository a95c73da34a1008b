import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { listening } from './redis.ts'

/** One Redis of several. */
export interface RedisNode {
  readonly port: number
  readonly url: string
  /** The process that runs now. */
  readonly process: ChildProcess
  /** Kills the process, and starts another one on the same port and data. */
  restart(whileDown?: () => Promise<void>): Promise<void>
  /** Runs a command with redis-cli. @returns Its output. */
  cli(...args: string[]): string
}

/** Several Redis processes that end together. */
export interface RedisLab {
  start(...args: string[]): Promise<RedisNode>
  /** Starts a Sentinel that watches `primary` under the name `main`. */
  sentinel(primary: RedisNode): Promise<RedisNode>
  /** Starts a cluster of three primaries. */
  cluster(): Promise<RedisNode[]>
  /** Adds a replica of the primary with this id. */
  clusterReplica(member: RedisNode, primaryId: string): Promise<RedisNode>
  stop(): Promise<void>
}

export async function createRedisLab(): Promise<RedisLab> {
  const dir = await mkdtemp(join(tmpdir(), 'lockgate-redis-lab-'))
  const running: ChildProcess[] = []
  const end = () => {
    for (const one of running) one.kill('SIGKILL')
  }
  process.once('exit', end)

  async function run(port: number, args: readonly string[]): Promise<RedisNode> {
    const spawnOne = async () => {
      const child = spawn('redis-server', args, { stdio: 'ignore', cwd: dir })
      running.push(child)
      await listening(port)
      return child
    }
    let child = await spawnOne()
    return {
      port,
      url: `redis://127.0.0.1:${port}`,
      get process() {
        return child
      },
      async restart(whileDown) {
        const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
        child.kill('SIGKILL')
        await ended
        await whileDown?.()
        child = await spawnOne()
      },
      cli: (...command) => execFileSync('redis-cli', ['-p', String(port), ...command], { encoding: 'utf8' }),
    }
  }

  /** Each server has its own folder: a replica writes what it received into it, and another server would load that. */
  async function base(port: number): Promise<string[]> {
    const own = join(dir, String(port))
    await mkdir(own)
    return ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', own]
  }

  async function startMember(): Promise<RedisNode> {
    const port = await clusterPort()
    const config = join(dir, `nodes-${port}.conf`)
    const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', config]
    return run(port, [...(await base(port)), ...cluster, '--cluster-node-timeout', '1500'])
  }

  const lab: RedisLab = {
    async start(...args) {
      const port = await freePort()
      return run(port, [...(await base(port)), ...args])
    },
    async sentinel(primary) {
      const port = await freePort()
      const file = join(dir, `sentinel-${port}.conf`)
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
        'sentinel down-after-milliseconds main 1000',
        'sentinel failover-timeout main 5000',
      ]
      await writeFile(file, `${lines.join('\n')}\n`)
      return run(port, [file, '--sentinel'])
    },
    async cluster() {
      const nodes: RedisNode[] = []
      for (let index = 0; index < 3; index++) {
        nodes.push(await startMember())
      }
      const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
      nodes[0]!.cli('--cluster', 'create', ...hosts, '--cluster-yes')
      await settled(nodes)
      return nodes
    },
    async clusterReplica(member, primaryId) {
      const node = await startMember()
      node.cli('cluster', 'meet', '127.0.0.1', String(member.port))
      for (let tries = 0; !node.cli('cluster', 'nodes').includes(primaryId); tries++) {
        if (tries > 100) throw new Error('The replica did not meet the cluster')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      node.cli('cluster', 'replicate', primaryId)
      return node
    },
    async stop() {
      process.off('exit', end)
      const ended = running.map((one) =>
        one.exitCode === null && one.signalCode === null
          ? new Promise<void>((resolve) => one.once('exit', () => resolve()))
          : undefined,
      )
      end()
      await Promise.all(ended)
      await rm(dir, { recursive: true, force: true })
    },
  }
  return lab
}

/** A port that leaves room for the cluster's own, which is 10,000 above. */
async function clusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port < 22_000) return port
  }
}

/** Waits until every node of a cluster says that it is complete. */
async function settled(nodes: readonly RedisNode[]): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (nodes.every((node) => node.cli('cluster', 'info').includes('cluster_state:ok'))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('The cluster did not form')
}
