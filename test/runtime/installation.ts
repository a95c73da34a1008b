import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The package in a folder of its own, as a user installs it, with what the stores and examples need beside it. */
export interface Installation {
  readonly folder: string
  remove(): Promise<void>
}

/**
 * @param options.tarball A packed package; by default the one that `npm pack` makes of what is built.
 * @param options.files Folders whose files are copied beside it.
 */
export async function install(options: {
  tarball?: string | undefined
  with?: readonly string[]
  files: readonly URL[]
}): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-runtimes-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const tarball = options.tarball ?? (await pack(folder))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    const packages = [tarball, ...(options.with ?? [])]
    const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--omit=optional']
    await run('npm', ['install', ...quiet, ...packages], { cwd: folder })
    for (const from of options.files) await cp(from, folder, { recursive: true })
  } catch (error) {
    await remove()
    throw error
  }
  return { folder, remove }
}

async function pack(destination: string): Promise<string> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { stdout } = await run('npm', args, { cwd: root })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  return join(destination, filename)
}
