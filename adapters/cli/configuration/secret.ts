import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { listOf, SettingsError } from './environment.ts'
import { isLoopback } from './unsafe-settings.ts'

type Env = NodeJS.ProcessEnv

/** On the user's own machine a secret is made at the first start, and kept beside the data. */
export async function readSecret(
  env: Env,
  url: string,
  storage: string,
  cwd: string,
): Promise<string | string[]> {
  if (env.LOCKGATE_SECRET) return listOf(env.LOCKGATE_SECRET)
  if (!isLoopback(url)) {
    throw new SettingsError('LOCKGATE_SECRET: is missing; `npx lockgate secret` makes one')
  }
  if (storage === 'memory:') return newSecret()
  const file = resolve(cwd, besideData(storage), 'lockgate-secret')
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept) return kept.trim()
  const secret = newSecret()
  await mkdir(dirname(file), { recursive: true })
  // Two processes that start together must agree: the first one's file stands.
  await writeFile(file, `${secret}\n`, { mode: 0o600, flag: 'wx' }).catch(() => {})
  return (await readFile(file, 'utf8')).trim()
}

/** The folder that a store's own folder or file lies in; one of its own for stores that have none. */
function besideData(storage: string): string {
  const path = /^(?:fs|sqlite|deno-kv):(?!https?:)(.+)$/.exec(storage)?.[1]
  return path === undefined ? '.lockgate' : dirname(path)
}

/** 256 bits of randomness as text. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
