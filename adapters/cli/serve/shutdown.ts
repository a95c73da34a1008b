import { ms } from '../../../src/internal.ts'
import type { NodeServer } from '../../node.ts'

/** What a shell says of a process that a signal ended. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Ends the process when it is asked to: no new requests, event streams closed, answers under way finished within five
 * seconds, then 0. Whoever asks twice does not want to wait.
 */
export function stopOnSignals(server: NodeServer, release: () => Promise<void> | undefined): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(CODES[signal])
      stopping = true
      process.stderr.write('Lockgate stops.\n')
      void stop(server, release)
    })
  }
}

async function stop(server: NodeServer, release: () => Promise<void> | undefined): Promise<void> {
  setTimeout(() => void server.close(true), ms.shutdown).unref()
  await server.close()
  await Promise.race([release(), new Promise((resolve) => setTimeout(resolve, ms.shutdown).unref())])
  process.exit(0)
}
