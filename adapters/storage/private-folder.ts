import { accessSync, constants, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { flagOf, missingFlags } from './deno-permission.ts'

/**
 * Makes a folder that only its owner may read. An empty one gets a `.gitignore`, so that nothing in it is committed by
 * mistake. A folder with other content keeps it as it is.
 */
export function makePrivateFolder(folder: string): void {
  makeFolder(folder, 0o700)
  if (readdirSync(folder).length > 0) return
  try {
    writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' })
  } catch {
    // Another process was first, or git does not matter here.
  }
}

/**
 * Makes a folder and the folders above it. Not by the `recursive` option: under `/proc` it never ends.
 *
 * @throws {NodeJS.ErrnoException} `ENOTDIR` if a file has its name.
 */
export function makeFolder(folder: string, mode?: number): void {
  if (isFolder(folder)) return
  const above = dirname(folder)
  if (above !== folder) makeFolder(above, mode)
  try {
    mkdirSync(folder, { mode })
  } catch (error) {
    // Another process may have been first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw error
  }
}

/** @throws {NodeJS.ErrnoException} `ENOTDIR` for a file. */
function isFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isDirectory()) return found !== undefined
  throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
}

/**
 * Makes the folder of a storage, and checks that this user may write to it, so that no sign-in is the first to find out.
 *
 * @returns What is wrong, with what to do, for the `problem` of a store.
 */
export function prepareFolder(folder: string, mode?: number): { readonly problem?: string } {
  const missing = missingFlags(folder)
  if (missing.length > 0) return { problem: notPermitted(folder, missing) }
  try {
    makeFolder(folder, mode)
    assertWritable(folder)
    return {}
  } catch (error) {
    return { problem: unusableFolder(folder, error) }
  }
}

function assertWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    // Deno compares with the number of this user, which is a permission of its own. The first write shows it, too.
    if (flagOf(error) !== '--allow-sys') throw error
  }
}

const notPermitted = (folder: string, flags: readonly string[]): string =>
  `cannot write to ${folder}: start Deno with ${flags.join(' ')}`

/** Says that a folder cannot be used, and what to do. */
export const unusableFolder = (folder: string, error: unknown): string => {
  const flag = flagOf(error)
  if (flag === undefined) return unusable(folder, error)
  // Deno guards folders of the system, such as /proc and /dev, by `--allow-all` alone.
  return notPermitted(folder, [/read|write/.test(flag) ? `${flag}=${folder}` : flag])
}

const unusable = (folder: string, error: unknown): string =>
  `cannot write to ${folder} (${(error as NodeJS.ErrnoException).code}): it must be a folder that this user may write to`
