import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Child, start } from './child.ts'

/** One file, as the platform's own tools make it. */
export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'import'],
    external: ['cloudflare:*'],
    logLevel: 'error',
  })
}

/** What `workerd` is to run. */
export interface WorkerdApp {
  readonly binary: string
  readonly folder: string
  /** A source file; bundled before it is started. */
  readonly entry: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** The binding to give the Durable Object class `LockgateStore`. */
  readonly objects?: string
  /** Answers when it has started. */
  readonly url: string
}

/** Starts an app on the open-source runtime of Workers, without any of Node's modules. */
export async function startWorkerd(app: WorkerdApp): Promise<Child> {
  const name = app.entry.replace(/\W/g, '-')
  await bundle(join(app.folder, app.entry), join(app.folder, `${name}.worker.js`))
  const quoted = (text: string) => JSON.stringify(text)
  const texts = Object.entries(app.env).map(
    ([key, value]) => `(name = ${quoted(key)}, text = ${quoted(value)})`,
  )
  const objects = app.objects && `(name = ${quoted(app.objects)}, durableObjectNamespace = "LockgateStore")`
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .app),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${app.port}", http = (), service = "main")],
);
const app :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${name}.worker.js")],
  compatibilityDate = "2026-07-01",
  bindings = [${[...texts, ...(objects ? [objects] : [])].join(', ')}],
${
  objects
    ? `  durableObjectNamespaces = [(className = "LockgateStore", uniqueKey = "lockgate")],
  durableObjectStorage = (inMemory = void),\n`
    : ''
});
`
  const file = join(app.folder, `${name}.capnp`)
  await writeFile(file, config)
  return start([app.binary, 'serve', file], { url: app.url, cwd: app.folder })
}
