import { ms } from '../../src/internal.ts'

/** A file that another process writes, as SQLite and Deno KV report it. */
const LOCKED = /database (table )?is locked|SQLITE_BUSY/i
/**
 * States of PostgreSQL in which a statement had no effect, and soon may have: a standby that was not yet promoted, a
 * server that starts, a conflict between transactions.
 */
const NOT_NOW: ReadonlySet<unknown> = new Set(['25006', '57P03', '40001', '40P01'])

/**
 * Runs `work`, and runs it again while the engine is busy. The pauses grow, and are random so that two processes do not
 * meet again.
 *
 * @throws The error of `work` if it is another one, or lasts for three seconds.
 */
export async function whileBusy<T>(work: () => T | Promise<T>): Promise<T> {
  const until = Date.now() + ms.storageLocked
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isBusy = LOCKED.test(String(error)) || NOT_NOW.has((error as { code?: unknown }).code)
      if (!isBusy || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(10 * attempt, 100)))
    }
  }
}
