import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Package {
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly peer?: boolean
}

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Package>
}
/** What is installed for whoever installs Lockgate. */
const installed = Object.entries(lock.packages).filter(
  ([name, { dev, devOptional, peer, optional }]) => name !== '' && !dev && !devOptional && !peer && !optional,
)

test('everything that is installed with the package has a licence that lets everybody use it', () => {
  expect(installed.length).toBeGreaterThan(10)
  for (const [name, { license }] of installed)
    expect(`${name}: ${license}`).toMatch(/: (MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0)$/)
})

test('nothing of it runs a script at installation', () => {
  for (const [name, { hasInstallScript }] of installed)
    expect([name, hasInstallScript ?? false]).toEqual([name, false])
})
