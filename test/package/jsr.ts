/**
 * Writes jsr.json from package.json: the same subpaths, with the sources in the place of the build.
 *
 *   npx tsx test/package/jsr.ts
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const root = new URL('../../', import.meta.url)
const readJson = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, root), 'utf8')) as T

/** What to run if jsr.json is stale. */
export const COMMAND = 'npx tsx test/package/jsr.ts'

interface PackageJson {
  readonly version: string
  readonly license: string
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** Returns the source file of one built file. */
export function sourceOf(built: string): string {
  const name = built.replace(/^\.\/dist\//, '').replace(/\.js$/, '')
  const places = name.startsWith('providers/') || name === 'index' ? ['src'] : ['adapters']
  const found = places
    .flatMap((place) => [`./${place}/${name}.ts`, `./${place}/${name}/index.ts`])
    .find((file) => existsSync(new URL(file, root)))
  if (!found) throw new Error(`${built} has no source`)
  return found
}

/** Returns the text of jsr.json. */
export function jsrJson(): string {
  const { version, license, exports, dependencies, peerDependencies } = readJson<PackageJson>('package.json')
  const subpaths = Object.entries(exports).filter(([path]) => path !== './package.json')
  const packages = Object.entries({ ...dependencies, ...peerDependencies }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const config = {
    $schema: 'https://jsr.io/schema/config-file.v1.json',
    name: '@lockgate/lockgate',
    version,
    license,
    exports: Object.fromEntries(subpaths.map(([path, built]) => [path, sourceOf(built)])),
    imports: {
      // JSR is for Deno and Node. Workers take the package of npm, whose conditions choose another file.
      '#outbound': './adapters/outbound/node.ts',
      ...Object.fromEntries(packages.map(([name, range]) => [name, `npm:${name}@${range}`])),
    },
    publish: {
      include: [
        'src/**/*.ts',
        'adapters/**/*.ts',
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'SECURITY.md',
        'docs/**/*.md',
      ],
      exclude: ['adapters/cli'],
    },
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(new URL('jsr.json', root), jsrJson())
}
