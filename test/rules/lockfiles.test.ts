import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const LOCKFILES = execFileSync('git', ['ls-files', '*package-lock.json'], { encoding: 'utf8' })
  .trim()
  .split('\n')

/** Returns the folders where Node looks for a package of this one, from the nearest. */
function foldersOf(path: string): readonly string[] {
  if (path === '') return ['node_modules/']
  const parent = path.slice(0, Math.max(path.lastIndexOf('/node_modules/'), 0))
  return [`${path}/node_modules/`, ...foldersOf(parent)]
}

test.each(LOCKFILES)(
  '%s holds every package that another in it needs, also those of other systems',
  (file) => {
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as {
      packages: Readonly<Record<string, Locked>>
    }
    // npm ci refuses a lockfile that lacks one, even one that it would not install here.
    const lacking = Object.entries(packages).flatMap(([path, locked]) => {
      const own = path === '' ? locked.devDependencies : {}
      const needed = Object.keys({ ...locked.dependencies, ...locked.optionalDependencies, ...own })
      const isThere = (name: string) => foldersOf(path).some((folder) => `${folder}${name}` in packages)
      return needed.filter((name) => !isThere(name)).map((name) => `${path || 'the package'}: ${name}`)
    })
    expect(lacking).toEqual([])
  },
)
