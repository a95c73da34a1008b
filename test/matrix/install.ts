import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const INSTALL = fileURLToPath(new URL('../install.mjs', import.meta.url))

/** Installs a private package below `test`, unless what its lockfile names is there. */
export function install(name: 'matrix' | 'matrix-large' | 'conformance' | 'runtimes'): void {
  execFileSync(process.execPath, [INSTALL, name], { stdio: 'inherit' })
}
