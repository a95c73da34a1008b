import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import './test/support/scratch.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The names that users import by, mapped to the sources. The built package has tests of its own. */
const alias = [
  { find: /^#outbound$/, replacement: here('./adapters/outbound/node.ts') },
  { find: /^lockgate$/, replacement: here('./src/index.ts') },
  { find: /^lockgate\/(bun|deno|identity|node|otel|workers)$/, replacement: here('./adapters/$1.ts') },
  { find: /^lockgate\/doctor$/, replacement: here('./adapters/doctor/index.ts') },
  { find: /^lockgate\/providers\/(.*)$/, replacement: here('./src/providers/$1.ts') },
  { find: /^lockgate\/events\/(.*)$/, replacement: here('./adapters/events/$1.ts') },
  { find: /^lockgate\/limits\/(.*)$/, replacement: here('./adapters/limits/$1.ts') },
  { find: /^lockgate\/storage\/(.*)$/, replacement: here('./adapters/storage/$1.ts') },
]

/** Every lane but `core`, by the folders of its tests. A folder in no lane belongs to `core`. */
const LANES = {
  rules: ['rules'],
  stores: ['contract'],
  cli: ['cli', 'doctor'],
  dist: ['package', 'docs', 'bench', 'runtime', 'matrix', 'browser'],
  faults: ['faults', 'fuzz', 'outbound', 'floods'],
  // Every provider's whole life, and models explored to their end.
  providers: ['providers', 'simulation', 'upgrade', 'connections', 'single-flight'],
} as const

/** These tests replace modules or timers of the process they run in, so each of these files gets a process of its own. */
const APART = [
  'test/outbound/silent-names.test.ts',
  'test/providers/workers-example.test.ts',
  'test/single-flight/**/*.test.ts',
  'test/simulation/**/*.test.ts',
]

const testsOf = (folders: readonly string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`)

/** Files that share their processes load the sources and the libraries once for each process. */
const lane = (name: string, include: string[], exclude: string[] = [], isolate = false) => ({
  extends: true as const,
  test: { name, include, exclude: ['**/node_modules/**', ...exclude], isolate },
})

export default defineConfig({
  resolve: { alias },
  test: {
    testTimeout: 20_000,
    // Nearly every test serves something, and few name who may sign in.
    onConsoleLog: (line) => !/^Lockgate(:| listens on) /.test(line),
    hookTimeout: 30_000,
    // A busy machine needs more than the usual second for what a test waits for.
    expect: { poll: { timeout: 10_000 } },
    // The tests wait for sockets and timers more than they compute.
    maxWorkers: 3,
    projects: [
      lane('core', ['test/**/*.test.ts'], Object.values(LANES).flatMap(testsOf)),
      ...Object.entries(LANES).map(([name, folders]) =>
        lane(name, testsOf(folders), APART, name !== 'rules'),
      ),
      lane('apart', APART, [], true),
    ],
  },
})
