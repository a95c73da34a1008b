import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Makes a folder that only its owner may read. An empty one gets a `.gitignore`, so that nothing in it is committed by
 * mistake. A folder with other content keeps it as it is.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) return
  await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' }).catch(() => {})
}
