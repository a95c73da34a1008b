import { basename } from 'node:path'
import { keyIdOf } from '../../../src/internal.ts'
import { listOf } from '../configuration/environment.ts'
import { keptSecrets } from '../configuration/secret.ts'
import type { ServeSettings } from '../configuration/settings.ts'

/**
 * Tells where a secret lies that the settings do not use now, and how to use it.
 *
 * @param problem Names the key id of that secret, as `(key W_QQ)`.
 * @returns Sentences for the operator.
 */
export async function formerSecret(
  problem: string,
  { storage, file, variables, secretInFile }: ServeSettings,
  cwd: string,
): Promise<string> {
  const isMeant = (secret: string) => problem.includes(`(key ${keyIdOf(secret)})`)
  const used = variables.from('LOCKGATE_SECRET') ?? 'LOCKGATE_SECRET'
  const anew = `To begin anew, without the users there are, ${
    /^(fs|sqlite):/.test(storage ?? '')
      ? 'set LOCKGATE_STORAGE to a new folder, such as fs:./data'
      : 'use an empty storage'
  }.`
  const hidden = variables.hidden('LOCKGATE_SECRET').find(({ value }) => listOf(value).some(isMeant))
  if (hidden)
    return `That secret is ${hidden.origin}, and ${used} hides it. To keep the ids, remove ${used}. ${anew}`
  if (file !== undefined && [secretInFile ?? []].flat().some(isMeant)) {
    const name = basename(file)
    return `That secret is in ${name}, and ${used} hides it. To keep the ids, remove ${used}. ${anew}`
  }
  const kept = (await keptSecrets({ storage, cwd })).find(({ secret }) => isMeant(secret))
  if (kept)
    return `That secret lies in ${kept.file}: an earlier start made it. To keep the ids, use the secret in that file: remove ${used} and set LOCKGATE_SECRET_FILE=${kept.file}. ${anew}`
  return anew
}
