import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { SettingsError } from './environment.ts'

/** A certificate with its key, as PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

/**
 * The files that `LOCKGATE_TLS_CERT` and `LOCKGATE_TLS_KEY` name, if they do.
 *
 * @throws {SettingsError} Where one is missing, cannot be read, or does not fit the other.
 */
export async function readTls(env: NodeJS.ProcessEnv, cwd: string): Promise<Tls | undefined> {
  const { LOCKGATE_TLS_CERT: certFile, LOCKGATE_TLS_KEY: keyFile } = env
  if (!certFile && !keyFile) return undefined
  if (!certFile) throw new SettingsError('LOCKGATE_TLS_CERT: is missing; LOCKGATE_TLS_KEY alone is no use')
  if (!keyFile) throw new SettingsError('LOCKGATE_TLS_KEY: is missing; LOCKGATE_TLS_CERT alone is no use')
  const read = async (variable: string, file: string) => {
    try {
      return await readFile(resolve(cwd, file), 'utf8')
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      throw new SettingsError(`${variable}: its file cannot be read (${code})`)
    }
  }
  const tls = {
    cert: await read('LOCKGATE_TLS_CERT', certFile),
    key: await read('LOCKGATE_TLS_KEY', keyFile),
  }
  try {
    createSecureContext(tls)
  } catch {
    throw new SettingsError(
      'LOCKGATE_TLS_CERT, LOCKGATE_TLS_KEY: expected a certificate and its own key, both as PEM without passphrase',
    )
  }
  return tls
}
