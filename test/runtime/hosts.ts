import { join } from 'node:path'
import { locate } from '../runtimes/locate.ts'
import { type Child, start } from './child.ts'
import { startWithKv, startWorkerd } from './workers.ts'

/** Where one host runs and what it is told. */
export interface Place {
  readonly folder: string
  readonly port: number
  /** Answers when the host has started. */
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  /** What `LOCKGATE_STORAGE` would be, of a Redis that runs. */
  readonly redis: string | undefined
}

/** One runtime with one store. */
export interface Host {
  readonly runtime: string
  readonly store: string
  /** What is missing on this machine. */
  readonly missing?: string | undefined
  /** Checks that it cannot pass by itself, with the reason. */
  readonly cannot?: Readonly<Record<string, string>>
  start(place: Place): Promise<Child>
}

const binaries = {
  node24: locate('node24'),
  bun: locate('bun'),
  deno: locate('deno'),
  workerd: locate('workerd'),
}

/** A host that takes its settings from the environment. @param storage Made for each place. */
const inProcess = (
  runtime: string,
  store: string,
  binary: string | undefined,
  args: (place: Place) => string[],
  storage: (place: Place) => string = () => 'memory:',
  cannot?: Host['cannot'],
): Host => ({
  runtime,
  store,
  ...(cannot && { cannot }),
  missing: binary === undefined ? `the binary of ${runtime}` : undefined,
  start: (place) =>
    start([binary!, ...args(place)], {
      url: place.url,
      cwd: place.folder,
      env: { ...place.env, STORAGE: storage(place) },
    }),
})

const redis = ({ redis }: Place): string => redis!
const sqlite = ({ folder, port }: Place): string => `sqlite:${join(folder, `${port}.db`)}`
const kvFile = ({ folder, port }: Place): string => `deno-kv:${join(folder, `${port}.kv`)}`

const node = () => ['node.js']
const denoRun = () => ['run', '--allow-all', '--no-remote', '--unstable-kv', 'deno-serve.js']
const denoServe = ({ port }: Place) =>
  `serve --allow-all --no-remote --unstable-kv --host 127.0.0.1 --port ${port} default-export.js`.split(' ')
const bunDefault = () => ['run', 'default-export.js']
const bunServe = () => ['run', 'bun-serve.js']

const keptConnections = {
  'a connection whose body does not arrive is closed within twenty seconds':
    'Deno sends the refusal, but keeps the connection until the client closes it',
}

const lateHeaders = {
  'a stream is open before its first event': 'Bun sends the headers of an answer with the first of its body',
}

/** Deployed, a client that leaves ends the whole request; the runtime alone notices only while it writes. */
const noDisconnects = {
  'a client that leaves before there is an answer is cut off behind, too':
    'workerd by itself notices a lost client only when it writes to it',
}

const workerd = (store: string, entry: string, objects?: string): Host => ({
  runtime: 'workerd',
  store,
  missing: binaries.workerd === undefined ? 'the binary of workerd' : undefined,
  cannot: noDisconnects,
  start: ({ env, ...place }) =>
    startWorkerd({ ...place, env, entry, binary: binaries.workerd!, ...(objects && { objects }) }),
})

const notOnce = {
  'an assertion is good once': 'KV cannot refuse a second use, so the settings allow it',
}

/** KV is a service of the platform, not of the runtime: its own simulator supplies it. */
const workersKv: Host = {
  runtime: 'workerd',
  store: 'cloudflare-kv',
  missing: binaries.workerd === undefined ? 'the binary of workerd' : undefined,
  cannot: { ...noDisconnects, ...notOnce },
  start: ({ env, ...place }) =>
    startWithKv({ ...place, env, entry: 'workers-kv.js', binary: binaries.workerd!, kv: 'LOCKGATE' }),
}

/** Every combination that the suite is run on. */
export const hosts: readonly Host[] = [
  inProcess(`Node ${process.versions.node}`, 'memory', process.execPath, node),
  inProcess(`Node ${process.versions.node}`, 'redis', process.execPath, node, redis),
  inProcess('Node 24', 'memory', binaries.node24, node),
  inProcess('Node 24', 'sqlite', binaries.node24, node, sqlite),
  inProcess('Bun, default export', 'memory', binaries.bun, bunDefault, undefined, lateHeaders),
  inProcess('Bun, lockgate/bun', 'redis', binaries.bun, bunServe, redis, lateHeaders),
  inProcess('Deno, default export', 'memory', binaries.deno, denoServe, undefined, keptConnections),
  inProcess('Deno, lockgate/deno', 'deno-kv', binaries.deno, denoRun, kvFile, keptConnections),
  workerd('memory', 'workers-default-export.js'),
  workersKv,
  workerd('durable-object', 'workers-durable-object.js', 'LOCKGATE'),
]
