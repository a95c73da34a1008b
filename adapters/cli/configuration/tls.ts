import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { SettingsError, type Variables } from './environment.ts'

/** A certificate with its key, as PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

/**
 * Reads the certificate and the key. `LOCKGATE_TLS_CERT` and `LOCKGATE_TLS_KEY` are paths, or PEM text themselves.
 *
 * @throws {SettingsError} If one is missing, cannot be read, or does not belong to the other.
 */
export async function readTls({ get, from }: Variables, cwd: string): Promise<Tls | undefined> {
  const [cert, key] = [get('LOCKGATE_TLS_CERT'), get('LOCKGATE_TLS_KEY')]
  if (!cert && !key) return undefined
  if (!cert) throw new SettingsError('LOCKGATE_TLS_CERT: is missing; LOCKGATE_TLS_KEY needs its certificate')
  if (!key) throw new SettingsError('LOCKGATE_TLS_KEY: is missing; LOCKGATE_TLS_CERT needs its key')
  const read = async (variable: string, value: string) => {
    if (value.includes('-----BEGIN ')) return value
    try {
      return await readFile(resolve(cwd, value), 'utf8')
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      throw new SettingsError(`${from(variable)}: its file cannot be read (${code})`)
    }
  }
  const tls = { cert: await read('LOCKGATE_TLS_CERT', cert), key: await read('LOCKGATE_TLS_KEY', key) }
  try {
    createSecureContext(tls)
  } catch {
    throw new SettingsError(
      'LOCKGATE_TLS_CERT, LOCKGATE_TLS_KEY: expected a certificate and its own key, both as PEM without passphrase',
    )
  }
  return tls
}
