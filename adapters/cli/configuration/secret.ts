import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isLoopbackUrl } from '../../../src/internal.ts'
import { makePrivateFolder, unusableFolder } from '../../storage/private-folder.ts'
import { listOf, SettingsError, type Variables } from './environment.ts'

const FILE = 'lockgate-secret'

/**
 * Returns the secret of `LOCKGATE_SECRET`. With a loopback URL a missing one is made at the first start and kept in the
 * folder of the data.
 *
 * @param about.dry Keeps no secret that is made.
 * @throws {SettingsError} If the URL is public and there is no secret, or if a line break is inside.
 */
export async function readSecret(
  { get, from }: Variables,
  about: { url: string; storage: string | undefined; cwd: string; dry: boolean },
): Promise<string | string[]> {
  const given = get('LOCKGATE_SECRET')
  if (given !== undefined && /[\r\n]/.test(given)) {
    throw new SettingsError(
      `${from('LOCKGATE_SECRET')}: has a line break inside; separate several secrets with commas, the newest first`,
    )
  }
  if (given !== undefined) return listOf(given)
  if (!isLoopbackUrl(about.url)) {
    const [made] = await keptSecrets(about)
    const file = made && `set LOCKGATE_SECRET_FILE=${made.file}, where an earlier start keeps one`
    throw new SettingsError(`LOCKGATE_SECRET: is missing; ${file ?? '`npx lockgate secret` makes one'}`)
  }
  if (about.storage === 'memory:') return newSecret()
  const [kept] = await keptSecrets(about)
  if (kept) return kept.secret
  return about.dry ? newSecret() : keep(resolve(about.cwd, folderOf(about.storage), FILE))
}

/** Returns the secrets that starts without one have kept beside the data, each with the path of its file. */
export async function keptSecrets({
  storage,
  cwd,
}: {
  storage: string | undefined
  cwd: string
}): Promise<{ file: string; secret: string }[]> {
  const files = [join(folderOf(storage), FILE), ...formerFiles(storage)]
  const found = await Promise.all(
    [...new Set(files)].map(async (file) => {
      const text = await readFile(resolve(cwd, file), 'utf8').catch(() => '')
      return { file, secret: text.trim() }
    }),
  )
  return found.filter(({ secret }) => secret !== '')
}

async function keep(file: string): Promise<string> {
  try {
    makePrivateFolder(dirname(file))
  } catch (error) {
    throw new SettingsError(
      `LOCKGATE_SECRET: is not set, and none can be kept: ${unusableFolder(dirname(file), error)}`,
    )
  }
  // Two processes that start together must agree, so the first one's file stays.
  await writeFile(file, `${newSecret()}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST')
        throw new SettingsError(`LOCKGATE_SECRET: cannot be kept (${error.code}); set it`)
    },
  )
  return (await readFile(file, 'utf8')).trim()
}

/** The path of a storage that is a folder or a file. */
const pathOf = (storage: string | undefined): string | undefined =>
  /^(?:fs|sqlite|deno-kv):(?!https?:)(.+)$/.exec(storage ?? '')?.[1]

/** The folder of the data. A storage that has none gets `.lockgate`. */
function folderOf(storage: string | undefined): string {
  const path = pathOf(storage)
  if (path === undefined) return '.lockgate'
  if (storage?.startsWith('fs:')) return path
  const folder = dirname(path)
  // A database file may lie in the project itself.
  return folder === '.' ? '.lockgate' : folder
}

/** Earlier versions kept the secret beside the folder or the file. */
function formerFiles(storage: string | undefined): string[] {
  const path = pathOf(storage)
  return [join(path === undefined ? '.lockgate' : dirname(path), FILE)]
}

/** Returns 256 bits of randomness as text. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
