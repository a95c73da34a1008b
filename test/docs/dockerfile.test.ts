import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { locate } from '../runtimes/locate.ts'
import { freePort, startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { type Stage, stagesOf, wordsOf } from './dockerfile.ts'

/*
 * The commands of the Dockerfile, run as they stand. Each stage is a folder, and a path from the root is one below it. The
 * base image is the Node of these tests.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
const node = locate('node24')
if (node === undefined) console.warn('The commands of the Dockerfile are not run; missing: Node 24')

/** A stage while it is built. */
interface Image {
  readonly root: string
  workdir: string
  readonly env: Record<string, string>
  readonly words: Record<string, string[]>
  user: string | undefined
}

let folder: string
let stages: Stage[]
const images = new Map<string, Image>()
const children: ChildProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-docker-'))
  stages = stagesOf(await readFile(join(root, 'Dockerfile'), 'utf8'))
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const inside = (image: Image, path: string): string =>
  path.startsWith('/') ? image.root + path : join(image.workdir, path)

/** The environment of a command in an image: its own programs before those of this machine. */
const environment = ({ root: image, env }: Image): Record<string, string> => ({
  PATH: [`${image}/usr/local/bin`, '/usr/bin', '/bin'].join(':'),
  HOME: `${image}/root`,
  npm_config_prefix: `${image}/usr/local`,
  ...(process.env.npm_config_registry && { npm_config_registry: process.env.npm_config_registry }),
  npm_config_cache: process.env.npm_config_cache ?? join(userInfo().homedir, '.npm'),
  ...env,
})

async function fromBase(name: string): Promise<Image> {
  const image: Image = { root: join(folder, name), workdir: '', env: {}, words: {}, user: undefined }
  image.workdir = image.root
  await mkdir(`${image.root}/usr/local/bin`, { recursive: true })
  await mkdir(`${image.root}/root`)
  const npm = (await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])).stdout.trim()
  await symlink(node!, `${image.root}/usr/local/bin/node`)
  await symlink(npm, `${image.root}/usr/local/bin/npm`)
  return image
}

/** Copies what `docker build` would send: the files of the repository. What git ignores, `.dockerignore` leaves out. */
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
  const mounted =
    from === undefined
      ? undefined
      : { path: target!, root: images.get(from)!.root + (source === '/' ? '' : source!) }
  const here = command!
    .replace(/(?<=^|\s)\/[\w./*-]*/g, (path) =>
      mounted && path.startsWith(`${mounted.path}/`)
        ? mounted.root + path.slice(mounted.path.length)
        : image.root + path,
    )
    .replace('--owner=node', `--owner=${userInfo().username}`)
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
  else if (name === 'HEALTHCHECK') image.words.HEALTHCHECK = wordsOf(text.replace(/^.*?CMD\s+/, ''))
  else if (name === 'ENTRYPOINT' || name === 'CMD') image.words[name] = wordsOf(text)
  else expect(name, 'an instruction that this test knows').toBe('EXPOSE')
}

describe.skipIf(node === undefined)('the Dockerfile', () => {
  test('builds: every command of every stage ends with 0', { timeout: 900_000 }, async () => {
    for (const [index, { name = `stage-${index}`, instructions }] of stages.entries()) {
      const image = await fromBase(name)
      images.set(name, image)
      for (const one of instructions) await apply(image, one)
    }
    expect(images.size).toBe(2)
  })

  test('its image runs as a user without rights, whose folder exists, and has nothing of the build', async () => {
    const image = [...images.values()].at(-1)!
    expect(image.user).toBe('node')
    expect(image.workdir).toBe(`${image.root}/srv/lockgate`)
    expect((await stat(`${image.workdir}/.lockgate`)).isDirectory()).toBe(true)
    await expect(stat(`${image.root}/build`)).rejects.toThrow()
  })

  test('the drivers of its stores are found by the program', async () => {
    const image = [...images.values()].at(-1)!
    const modules = `${image.root}/usr/local/lib/node_modules`
    for (const driver of ['ioredis', 'pg', 'db0']) {
      expect((await stat(`${modules}/${driver}/package.json`)).isFile(), driver).toBe(true)
    }
  })

  describe('what it starts', () => {
    let provider: TestProvider
    let mcp: { url: string; close(): Promise<void> }
    let image: Image
    let env: Record<string, string>
    let child: ChildProcess
    let output = ''

    beforeAll(async () => {
      image = [...images.values()].at(-1)!
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
      const options = { cwd: image.workdir, env, timeout: 30_000 }
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
      child = spawn(program!, args, { cwd: image.workdir, env })
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

test('a Dockerfile is read with its continued lines joined', () => {
  expect(stagesOf('# comment\nFROM node:24-slim AS build\nRUN npm ci && \\\n  npm test\n')).toEqual([
    { base: 'node:24-slim', name: 'build', instructions: [{ name: 'RUN', text: 'npm ci && npm test' }] },
  ])
})
