/**
 * Refuses to publish a package that is not ready. npm runs it before it publishes.
 *
 *   npx tsx test/package/release.ts
 */
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** The members of package.json that a release needs. */
export interface Manifest {
  readonly version: string
  readonly repository?: string | { readonly url?: string }
  readonly homepage?: string
  readonly bugs?: string | { readonly url?: string }
}

const isWeb = (address: string | undefined): boolean =>
  address !== undefined && /^(git\+)?https:\/\/[^/\s]+\.[^/\s]+\/\S+$/.test(address)

/**
 * Returns the reasons not to publish, a line each.
 *
 * @param about.jsr The version in jsr.json.
 * @param about.built The version that the built command prints, if it is built.
 */
export function releaseFaults(
  manifest: Manifest,
  about: { readonly changelog: string; readonly jsr: string; readonly built: string | undefined },
): string[] {
  const { version } = manifest
  const faults: string[] = []
  for (const name of ['repository', 'homepage', 'bugs'] as const) {
    const value = manifest[name]
    const address = typeof value === 'object' ? value.url : value
    if (!isWeb(address)) {
      faults.push(
        `package.json: ${name} is ${address ?? 'missing'}; set the address in .ci/release, and publish with it`,
      )
    }
  }
  const sections = [...about.changelog.matchAll(/^## (.+)$/gm)].map(([, name]) => name!)
  if (sections[0]?.split(' ')[0] !== version) {
    faults.push(`CHANGELOG.md: its first section is ${sections[0] ?? 'missing'}; expected ${version}`)
  }
  if (about.jsr !== version)
    faults.push(`jsr.json: has version ${about.jsr}; run npx tsx test/package/jsr.ts`)
  if (about.built === undefined) faults.push('dist: is missing; run npm run build')
  else if (about.built !== version) faults.push(`dist: was built from ${about.built}; run npm run build`)
  return faults
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = new URL('../../', import.meta.url)
  const read = (file: string) => readFileSync(new URL(file, root), 'utf8')
  const manifest = JSON.parse(read('package.json')) as Manifest
  const isBuilt = existsSync(new URL('dist/cli.js', root))
  const faults = releaseFaults(manifest, {
    changelog: read('CHANGELOG.md'),
    jsr: (JSON.parse(read('jsr.json')) as Manifest).version,
    // The build writes the version into the command.
    built:
      isBuilt && read('dist/cli.js').includes(`"${manifest.version}"`)
        ? manifest.version
        : isBuilt
          ? 'another version'
          : undefined,
  })
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exit(1)
}
