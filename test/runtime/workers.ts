import { readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { type Child, start } from './child.ts'

/** One file, as the platform's own tools make it. @returns Its name without the ending. */
async function bundle({ folder, entry }: Pick<WorkerdApp, 'folder' | 'entry'>): Promise<string> {
  const name = basename(entry).replace(/\W/g, '-')
  await build({
    entryPoints: [resolve(folder, entry)],
    outfile: join(folder, `${name}.worker.js`),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'import'],
    external: ['cloudflare:*'],
    // The built package is meant, not the sources that the tsconfig of this project points at.
    tsconfigRaw: '{}',
    logLevel: 'error',
  })
  return name
}

/** What `workerd` is to run. */
export interface WorkerdApp {
  readonly binary: string
  readonly folder: string
  /** A source file, relative to `folder` or absolute. It is bundled into `folder` before it is started. */
  readonly entry: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** The binding to give the Durable Object class `LockgateStore`. */
  readonly objects?: string
  /** The folder of the objects' files. By default they are in memory. */
  readonly objectsFolder?: string
  /** A Worker in front of it, with the binding `APP`, at a port of its own. */
  readonly front?: { readonly entry: string; readonly port: number }
  /** The binding to give a namespace of KV. */
  readonly kv?: string
  /** By default the date that the guide and `init` write. */
  readonly compatibilityDate?: string
  /** Answers when it has started. */
  readonly url: string
  /** A host of the internet that an imitation on this machine stands for. */
  readonly imitated?: { readonly host: string; readonly url: string }
}

/** Sends requests for an imitated host to the imitation, and all others where they lead. */
const relay = ({ host, url }: NonNullable<WorkerdApp['imitated']>): string => `export default {
  fetch(request) {
    const { host, origin, pathname, search } = new URL(request.url)
    if (host !== ${JSON.stringify(host)}) return fetch(request)
    const headers = new Headers(request.headers)
    headers.set('x-imitated-origin', origin)
    return fetch(${JSON.stringify(url)} + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
      redirect: 'manual',
    })
  },
}
`

/** Starts an app on the open-source runtime of Workers, without any of Node's modules. */
export async function startWorkerd(app: WorkerdApp): Promise<Child> {
  const name = await bundle(app)
  const front = app.front && { name: await bundle({ ...app, entry: app.front.entry }), port: app.front.port }
  const quoted = (text: string) => JSON.stringify(text)
  const texts = Object.entries(app.env).map(
    ([key, value]) => `(name = ${quoted(key)}, text = ${quoted(value)})`,
  )
  const objects = app.objects && `(name = ${quoted(app.objects)}, durableObjectNamespace = "LockgateStore")`
  const { imitated, objectsFolder } = app
  if (imitated) await writeFile(join(app.folder, `${name}.relay.js`), relay(imitated))
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .app),
${front ? '    (name = "front", worker = .front),\n' : ''}    (name = "internet", network = (allow = ["public", "private"])),
${objectsFolder ? `    (name = "disk", disk = (path = ${quoted(objectsFolder)}, writable = true)),\n` : ''}${imitated ? '    (name = "relay", worker = .relay),\n' : ''}  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${app.port}", http = (), service = "main"),
${front ? `    (name = "front", address = "127.0.0.1:${front.port}", http = (), service = "front"),\n` : ''}  ],
);
const app :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${name}.worker.js")],
  compatibilityDate = "${app.compatibilityDate ?? '2025-11-01'}",
  bindings = [${[...texts, ...(objects ? [objects] : [])].join(', ')}],
${
  objects
    ? `  durableObjectNamespaces = [(className = "LockgateStore", uniqueKey = "lockgate", preventEviction = true${objectsFolder ? ', enableSql = true' : ''})],
  durableObjectStorage = (${objectsFolder ? 'localDisk = "disk"' : 'inMemory = void'}),\n`
    : ''
}${imitated ? '  globalOutbound = "relay",\n' : ''});
${
  imitated
    ? `const relay :Workerd.Worker = (
  modules = [(name = "relay", esModule = embed "${name}.relay.js")],
  compatibilityDate = "2026-07-01",
);\n`
    : ''
}${
  front
    ? `const front :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${front.name}.worker.js")],
  compatibilityDate = "2026-07-01",
  bindings = [(name = "APP", service = "main")],
);\n`
    : ''
}`
  const file = join(app.folder, `${name}.capnp`)
  await writeFile(file, config)
  return start([app.binary, 'serve', file], { url: app.url, cwd: app.folder })
}

/** KV is a service of the platform, not of the runtime: the platform's own simulator supplies it. */
export async function startWithKv(app: WorkerdApp): Promise<Child> {
  const name = await bundle(app)
  process.env.MINIFLARE_WORKERD_PATH = app.binary
  const written: string[] = []
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: app.port,
    modules: true,
    script: await readFile(join(app.folder, `${name}.worker.js`), 'utf8'),
    compatibilityDate: '2026-04-01',
    bindings: { ...app.env },
    kvNamespaces: app.kv ? [app.kv] : [],
    cf: false,
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      for (const stream of [stdout, stderr])
        stream.on('data', (chunk: Buffer) => written.push(chunk.toString()))
    },
  })
  await miniflare.ready
  return { output: () => written.join(''), stop: () => miniflare.dispose() }
}
