/**
 * Installs the runtimes that the tests start, once. They are binaries for Linux on x64; elsewhere the tests take what is
 * on the PATH, and say what they left out.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.warn(
    'The pinned runtimes are for Linux on x64: Bun, Deno and workerd are taken from the PATH, if there.',
  )
} else if (!existsSync(`${folder}node_modules/.package-lock.json`)) {
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  })
}
