import { applicationFaults } from './application.ts'
import type { Fault } from './fault.ts'
import { killFaults } from './kills.ts'
import { storageFaults } from './storage.ts'
import { timeAndSecretFaults } from './time-and-secrets.ts'
import { upstreamFaults } from './upstream.ts'

/** Everything that is made to go wrong. */
export const faults: readonly Fault[] = [
  ...storageFaults,
  ...killFaults,
  ...upstreamFaults,
  ...timeAndSecretFaults,
  ...applicationFaults,
]
