import { test } from 'vitest'
import { faults } from './faults.ts'

// Most of them wait for something that never comes.
test.concurrent.each(faults)('$fault: $outcome', { timeout: 90_000 }, ({ run }) => run())
