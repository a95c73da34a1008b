/** Writes the TypeScript of the documents to `test/generated`, so that one type check sees it with everything else. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GENERATED, snippetFiles } from './snippets.ts'

rmSync(GENERATED, { recursive: true, force: true })
mkdirSync(GENERATED, { recursive: true })
for (const [name, text] of snippetFiles()) writeFileSync(join(GENERATED, name), text)
