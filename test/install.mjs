/**
 * Installs what the tests start beside the package, each kind in a folder of its own, once: other runtimes, clients that
 * need a newer Node than the package does, and other authorization servers. The runtimes are binaries for Linux on x64; elsewhere the tests take what
 * is on the PATH, and say what they left out.
 *
 *   node test/install.mjs [folder of test …]
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folders = process.argv.length > 2 ? process.argv.slice(2) : ['runtimes', 'matrix', 'peers']

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.warn(
    'The pinned runtimes are for Linux on x64: Bun, Deno and workerd are taken from the PATH, if there.',
  )
} else {
  for (const name of folders) {
    const cwd = fileURLToPath(new URL(`./${name}/`, import.meta.url))
    if (existsSync(`${cwd}node_modules/.package-lock.json`)) continue
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, stdio: 'inherit' })
  }
}
