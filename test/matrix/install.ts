import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TESTS = fileURLToPath(new URL('../', import.meta.url))

/** Installs a private package below `test`, as its lockfile has it, unless that has been done. */
export function install(name: 'matrix' | 'conformance' | 'runtimes'): void {
  const folder = join(TESTS, name)
  if (existsSync(join(folder, 'node_modules'))) return
  console.log(`installing what test/${name} pins`)
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', ['ci', '--prefix', folder, ...options], { stdio: 'inherit' })
}
