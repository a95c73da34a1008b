import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { access, chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { locate } from '../runtimes/locate.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { blockOf } from './blocks.ts'
import { type Stage, stagesOf, wordsOf } from './dockerfile.ts'

/*
 * The commands of the Dockerfile, run as they stand. Each stage is a folder, and a path from the root is one below it. The
 * base image is the Node 24 of these tests. npm takes what it can from its cache.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
const node = locate('node24')
if (node === undefined) console.warn('The commands of the Dockerfile are not run; missing: Node 24')

/** The number of the user `node` of the base image. Only root may become that user: others stay who they are. */
const NODE_USER = 1000
const isRoot = process.getuid?.() === 0
const asUser = isRoot ? { uid: NODE_USER, gid: NODE_USER } : {}

/** A stage while it is built. */
interface Image {
  readonly root: string
  workdir: string
  readonly env: Record<string, string>
  readonly words: Record<string, string[]>
  user: string | undefined
  port: string | undefined
}

/** Where npm keeps its settings and its cache on this machine: certificates and a registry may stand there. */
const npmSettings: Record<string, string> = {}
const images = new Map<string, Image>()
const children: ChildProcess[] = []
let folder: string
let npm: string
let stages: Stage[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-docker-'))
  await chmod(folder, 0o755)
  npm = (await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])).stdout.trim()
  const names = ['userconfig', 'globalconfig', 'cache']
  const { stdout } = await run('npm', ['config', 'get', ...names])
  for (const name of names) {
    npmSettings[`npm_config_${name}`] = new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)![1]!
  }
  stages = stagesOf(await readFile(join(root, 'Dockerfile'), 'utf8'))
})

test('the Dockerfile of the guide differs in the package alone: it takes the published one', () => {
  const [published, ...more] = stagesOf(blockOf('docs/deploy/docker.md', 'dockerfile'))
  const { base, instructions } = stages.at(-1)!
  const installed = (text: string) =>
    text.replace(/^--mount=\S+ /, '').replace('/from/lockgate-*.tgz', 'lockgate')
  expect(more).toEqual([])
  expect(published).toEqual({
    base,
    name: undefined,
    instructions: instructions.map(({ name, text }) => ({ name, text: installed(text) })),
  })
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const inside = (image: Image, path: string): string =>
  path.startsWith('/') ? image.root + path : join(image.workdir, path)

/** The environment of a command in an image: its own programs before those of this machine. */
function environment({ root: image, env }: Image): Record<string, string> {
  // Proxies and certificates are this machine's. What npm or the tests have set says nothing about a container.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|LOCKGATE_|VITEST|NODE_ENV$|NODE_OPTIONS$|HOST$|PORT$)/i.test(name),
  ) as [string, string][]
  const registry = process.env.npm_config_registry
  return {
    ...Object.fromEntries(own),
    ...npmSettings,
    ...(registry && { npm_config_registry: registry }),
    npm_config_prefer_offline: 'true',
    npm_config_prefix: `${image}/usr/local`,
    HOME: `${image}/root`,
    PATH: [`${image}/usr/local/bin`, '/usr/bin', '/bin'].join(':'),
    ...env,
  }
}

async function fromBase(name: string): Promise<Image> {
  const image = join(folder, name)
  await mkdir(`${image}/usr/local/bin`, { recursive: true })
  await mkdir(`${image}/root`)
  await copyFile(node!, `${image}/usr/local/bin/node`)
  await symlink(npm, `${image}/usr/local/bin/npm`)
  return { root: image, workdir: image, env: {}, words: {}, user: undefined, port: undefined }
}

/** Copies what `docker build` sends: the files that git does not ignore. `.dockerignore` names the others. */
async function copyAll(to: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 1e8,
  })
  for (const file of stdout.split('\n').filter(Boolean)) {
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(join(root, file), join(to, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
}

/** Runs a shell command in an image. Paths from the root, and the user of the image, become those of this machine. */
async function shell(image: Image, text: string): Promise<void> {
  const [, mount, command] = /^(?:--mount=(\S+)\s+)?(.*)$/.exec(text)!
  const { from, source, target } = Object.fromEntries(
    (mount ?? '').split(',').map((part) => part.split('=')),
  ) as Record<string, string>
  const mounted = from === undefined ? '' : images.get(from)!.root + (source === '/' ? '' : source!)
  const here = command!
    .replace(/(?<=^|\s)\/[\w./*-]*/g, (path) =>
      from !== undefined && path.startsWith(`${target}/`)
        ? mounted + path.slice(target!.length)
        : image.root + path,
    )
    .replace('--owner=node', `--owner=${isRoot ? NODE_USER : userInfo().username}`)
  await run('sh', ['-ec', here], { cwd: image.workdir, env: environment(image), maxBuffer: 1e8 })
}

async function apply(image: Image, { name, text }: Stage['instructions'][number]): Promise<void> {
  if (name === 'RUN') return shell(image, text)
  if (name === 'WORKDIR') {
    image.workdir = inside(image, text)
    await mkdir(image.workdir, { recursive: true })
  } else if (name === 'COPY') {
    const [to, ...files] = text.split(/\s+/).reverse() as [string, ...string[]]
    if (files.includes('.')) return copyAll(inside(image, to))
    for (const file of files) await cp(join(root, file), join(inside(image, to), file))
  } else if (name === 'ENV') {
    for (const [, key, value] of text.matchAll(/(\w+)=(\S+)/g)) image.env[key!] = value!
  } else if (name === 'USER') image.user = text
  else if (name === 'EXPOSE') image.port = text
  else if (name === 'HEALTHCHECK') image.words.HEALTHCHECK = wordsOf(text.replace(/^.*?CMD\s+/, ''))
  else if (name === 'ENTRYPOINT' || name === 'CMD') image.words[name] = wordsOf(text)
  else expect.fail(`${name} is an instruction that this test does not know`)
}

describe.skipIf(node === undefined)('the Dockerfile', () => {
  let image: Image

  test('builds: every command of every stage ends with 0', { timeout: 300_000 }, async () => {
    for (const [index, { name = `stage-${index}`, instructions }] of stages.entries()) {
      image = await fromBase(name)
      images.set(name, image)
      for (const one of instructions) await apply(image, one)
    }
    expect(images.size).toBe(2)
    expect(stages.map(({ base }) => base)).toEqual(['node:24-slim', 'node:24-slim'])
    // What runs next has nothing but the image.
    await rm(images.get('build')!.root, { recursive: true })
  })

  test('its image runs as a user without rights, who owns the folder of the data and nothing else', async () => {
    expect(image.user).toBe('node')
    expect(image.workdir).toBe(`${image.root}/srv/lockgate`)
    const owner = isRoot ? NODE_USER : userInfo().uid
    for (const path of [image.workdir, `${image.workdir}/.lockgate`]) {
      const { uid, mode } = await stat(path)
      expect([uid, mode & 0o022], path).toEqual([owner, 0])
    }
    if (isRoot) {
      const program = await stat(`${image.root}/usr/local/lib/node_modules/lockgate/dist/cli.js`)
      expect([program.uid, program.mode & 0o022]).toEqual([0, 0])
    }
  })

  test('its port is the one that it announces', () => {
    expect(image.env.PORT).toBe(image.port)
  })

  test('it has the drivers of its stores, and no tools of the build', async () => {
    const modules = `${image.root}/usr/local/lib/node_modules`
    for (const driver of ['ioredis', 'pg', 'db0']) await access(`${modules}/${driver}/package.json`)
    for (const tool of ['tsup', 'typescript', 'vitest']) {
      await expect(access(`${modules}/${tool}`)).rejects.toThrow()
      await expect(access(`${modules}/lockgate/node_modules/${tool}`)).rejects.toThrow()
    }
  })

  describe('what it starts', () => {
    let provider: TestProvider
    let mcp: { url: string; close(): Promise<void> }
    let env: Record<string, string>
    let child: ChildProcess
    let output = ''

    beforeAll(async () => {
      const port = String(await freePort())
      mcp = await startMcpServer()
      const url = `http://localhost:${port}/tools`
      provider = await startProvider({ redirectUris: [`${url}/callback`] })
      // As with `docker run -e`.
      env = {
        ...environment(image),
        PORT: port,
        LOCKGATE_URL: url,
        LOCKGATE_UPSTREAM: 'oidc',
        LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
        LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
        LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
        LOCKGATE_MCP: mcp.url,
      }
    })
    afterAll(async () => {
      await Promise.all([provider?.close(), mcp?.close()])
    })

    const health = async (): Promise<number> => {
      const [program, ...args] = image.words.HEALTHCHECK!
      const options = { cwd: image.workdir, env, timeout: 30_000, ...asUser }
      return run(program!, args, options).then(
        () => 0,
        (error: { code?: number }) => error.code ?? -1,
      )
    }

    test('its health command fails before anything listens', { timeout: 60_000 }, async () => {
      expect(await health()).toBe(1)
    })

    test('it serves, with the address and the folder of the image', { timeout: 120_000 }, async () => {
      expect(image.env.HOST).toBe('0.0.0.0')
      const [program, ...args] = [...image.words.ENTRYPOINT!, ...image.words.CMD!]
      child = spawn(program!, args, { cwd: image.workdir, env, ...asUser })
      children.push(child)
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString()
        })
      for (let tries = 0; tries < 1200 && !output.includes('Lockgate is ready'); tries++) {
        if (child.exitCode !== null) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(output).toContain('Lockgate is ready')
      const response = await fetch(
        `http://127.0.0.1:${env.PORT}/.well-known/oauth-authorization-server/tools`,
      )
      expect(response.status).toBe(200)
      expect((await stat(`${image.workdir}/.lockgate/data`)).isDirectory()).toBe(true)
    })

    test('its health command succeeds while it serves below a path', { timeout: 60_000 }, async () => {
      expect(await health()).toBe(0)
    })

    test('it ends with 0 at SIGTERM, and its health command fails again', { timeout: 60_000 }, async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
      expect(await health()).toBe(1)
    })
  })
})

test('the build gets nothing that git ignores, and no file of settings', async () => {
  const linesOf = async (file: string) =>
    (await readFile(join(root, file), 'utf8')).split('\n').filter(Boolean)
  expect(await linesOf('.dockerignore')).toEqual(
    expect.arrayContaining([...(await linesOf('.gitignore')), '.git', '*.env']),
  )
})

test('a Dockerfile is read with its continued lines joined', () => {
  expect(stagesOf('# comment\nFROM node:24-slim AS build\nRUN npm ci && \\\n  npm test\n')).toEqual([
    { base: 'node:24-slim', name: 'build', instructions: [{ name: 'RUN', text: 'npm ci && npm test' }] },
  ])
})
