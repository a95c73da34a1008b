import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate that signs itself, as PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** @returns `undefined` where the machine has no openssl: whoever asks says so. */
export function certify(host: string): Certificate | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    const files = ['-keyout', key, '-out', cert]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
    execFileSync('openssl', ['req', '-x509', ...curve, ...files, '-days', '2', ...names], { stdio: 'ignore' })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
