import process from 'node:process'
import { ms } from '../src/internal.ts'
import type { Served } from './served.ts'

/** The part of a server that a signal needs. */
type Closing = Pick<Served, 'close'>

/** The exit codes that a shell reports for a process that a signal ended. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Ends the process when it gets SIGTERM or SIGINT: closes the server as {@link Served.close} does, then exits with 0. A
 * second signal ends it at once. Works on Node, Bun and Deno.
 *
 * @param served One server, or several.
 * @param release Runs after the servers are closed, for example to close a storage. It gets 5 seconds.
 */
export function stopOnSignals(served: Closing | readonly Closing[], release?: () => unknown): void {
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(CODES[signal])
      isStopping = true
      void stop([served].flat(), release)
    })
  }
}

async function stop(served: readonly Closing[], release: (() => unknown) | undefined): Promise<void> {
  try {
    await Promise.all(served.map((one) => one.close()))
    const late = new Promise((resolve) => setTimeout(resolve, ms.shutdown))
    await Promise.race([release?.(), late])
  } finally {
    process.exit(0)
  }
}
