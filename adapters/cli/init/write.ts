import { access, appendFile, chmod, constants, copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { SettingsError } from '../configuration/environment.ts'
import type { File } from './entries.ts'
import { mergeVariables, type Variable } from './variables.ts'

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const readIfThere = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

/**
 * Refuses before anything is written, so that there is never half of it.
 *
 * @throws {SettingsError} Naming every file that would be lost.
 */
export async function refuseToReplace(cwd: string, paths: readonly string[]): Promise<void> {
  const found: string[] = []
  for (const path of paths) if (await exists(join(cwd, path))) found.push(path)
  if (found.length === 0) return
  throw new SettingsError(
    found.map((path) => `${path}: is there already; --force replaces what it says of Lockgate`).join('\n'),
  )
}

/** The secret that a file of variables has already: a new one would end every grant. */
export async function keptSecret(cwd: string, path: string): Promise<string | undefined> {
  return parseEnv(await readIfThere(join(cwd, path))).LOCKGATE_SECRET || undefined
}

export async function writeFiles(cwd: string, files: readonly File[], force: boolean): Promise<void> {
  for (const { path, text } of files) {
    if (force) await backUp(join(cwd, path))
    await writeFile(join(cwd, path), text, { flag: force ? 'w' : 'wx' })
  }
}

/** Readable by its owner only, also where it was not before. */
export async function writeVariables(
  cwd: string,
  path: string,
  variables: readonly Variable[],
  given: ReadonlySet<string>,
): Promise<void> {
  const file = join(cwd, path)
  const text = mergeVariables(await readIfThere(file), variables, given)
  // First, because a copy has the mode of its original.
  if (await exists(file)) await chmod(file, 0o600)
  await backUp(file)
  await writeFile(file, text, { mode: 0o600 })
}

/** Copies a file to the first free name of `<file>.bak`, `<file>.bak2` and so on. */
async function backUp(file: string): Promise<void> {
  if (!(await exists(file))) return
  for (let number = 1; number < 1000; number++) {
    const copy = `${file}.bak${number === 1 ? '' : number}`
    const isFree = await copyFile(file, copy, constants.COPYFILE_EXCL).then(
      () => true,
      () => false,
    )
    if (isFree) return
  }
}

/** Keeps secrets out of git, also of a repository that is made later. @returns Whether anything had to be written. */
export async function ignore(cwd: string, entries: readonly string[]): Promise<boolean> {
  const file = join(cwd, '.gitignore')
  const before = await readIfThere(file)
  const lines = before.split('\n').map((line) => line.trim().replace(/^\/|\/$/g, ''))
  const missing = entries.filter((entry) => !lines.includes(entry))
  if (missing.length === 0) return false
  await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`)
  return true
}
