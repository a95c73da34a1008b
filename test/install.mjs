/**
 * Installs what the tests start beside the package, each kind in a folder of its own, once: other runtimes, clients that
 * need a newer Node than the package does, other authorization servers, and the local runtime of Vercel. The runtimes are
 * binaries for Linux on x64; elsewhere the tests take what is on the PATH, and say what they left out.
 *
 *   node test/install.mjs [folder of test …]
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folders = process.argv.length > 2 ? process.argv.slice(2) : ['runtimes', 'matrix', 'peers', 'vercel']
const hasBinaries = process.platform === 'linux' && process.arch === 'x64'

/** Returns the packages of a lockfile that a machine like this installs, with their versions. */
function packagesOf(lockfile) {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8'))
  return Object.entries(packages).filter(([path, { optional, os, cpu, libc = ['glibc'] }]) => {
    const isForThis = os?.includes(process.platform) && cpu?.includes(process.arch) && libc.includes('glibc')
    return path !== '' && (!optional || isForThis)
  })
}

/** Compares what is installed with the lockfile: an older installation lacks what was added since. */
function isInstalled(cwd) {
  try {
    const installed = new Map(packagesOf(`${cwd}node_modules/.package-lock.json`))
    return packagesOf(`${cwd}package-lock.json`).every(
      ([path, { version }]) => installed.get(path)?.version === version,
    )
  } catch {
    return false
  }
}

for (const name of folders) {
  const cwd = fileURLToPath(new URL(`./${name}/`, import.meta.url))
  if (name === 'runtimes' && !hasBinaries) {
    console.warn(
      'The pinned runtimes are for Linux on x64: Bun, Deno and workerd are taken from the PATH, if there.',
    )
  } else if (!isInstalled(cwd)) {
    console.log(`installing what test/${name} pins`)
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', ['ci', ...options], { cwd, stdio: 'inherit' })
  }
}
