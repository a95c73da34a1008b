import { execFileSync, spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { documents } from '../rules/snippets.ts'
import { blocksOf } from './blocks.ts'

/** The code in other languages, by document, with the reason why no test runs it. Each needs a package of its own registry. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'docs/guide/1-first-server.md python': 'FastMCP is not installed',
  'docs/guide/10-tokens-for-other-servers.md python': 'FastMCP is not installed',
  'docs/guide/14-signed-identity.md python': 'PyJWT is not installed',
  'docs/guide/14-signed-identity.md go': 'there is no Go, nor golang-jwt and keyfunc',
}

const found = ['python', 'go'].flatMap((language) =>
  documents().flatMap((document) =>
    blocksOf(document, language).map((code) => ({ name: `${document} ${language}`, language, code })),
  ),
)
const python = spawnSync('python3', ['--version']).status === 0

test('every block of Python and Go is in the list of those that no test runs, with the reason', () => {
  expect(found.map(({ name }) => name).sort()).toEqual(Object.keys(NOT_RUN).sort())
})

test.skipIf(!python).each(found.filter(({ language }) => language === 'python'))(
  '$name is valid Python',
  ({ code }) => {
    const program = 'import ast, sys; ast.parse(sys.stdin.read())'
    expect(execFileSync('python3', ['-c', program], { input: code, encoding: 'utf8' })).toBe('')
  },
)

test('the rules of the identity in Python and Go are those of the page: issuer, audience, type, algorithm and expiry', () => {
  const [page, ...others] = ['python', 'go'].map((language) =>
    blocksOf('docs/guide/14-signed-identity.md', language).join(''),
  )
  for (const code of [page!, ...others])
    for (const part of [
      'https://mcp.example.com',
      'http://tools.internal:3000',
      'lockgate-identity+jwt',
      'ES256',
      '30',
    ])
      expect(code).toContain(part)
})
