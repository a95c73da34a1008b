import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import './test/support/scratch.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The names users import by, answered by the sources: the built package has tests of its own. */
const alias = [
  { find: /^#outbound$/, replacement: here('./adapters/outbound/node.ts') },
  { find: /^lockgate$/, replacement: here('./src/index.ts') },
  { find: /^lockgate\/(bun|deno|node|otel|workers)$/, replacement: here('./adapters/$1.ts') },
  { find: /^lockgate\/providers\/(.*)$/, replacement: here('./src/providers/$1.ts') },
  { find: /^lockgate\/events\/(.*)$/, replacement: here('./adapters/events/$1.ts') },
  { find: /^lockgate\/limits\/(.*)$/, replacement: here('./adapters/limits/$1.ts') },
  { find: /^lockgate\/storage\/(.*)$/, replacement: here('./adapters/storage/$1.ts') },
]

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
