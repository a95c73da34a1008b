import { ms } from '../../src/internal.ts'

/**
 * Files shared by several processes are locked while one of them writes. Waits a moment and asks again, a little
 * longer each time, and never as long as the next one, so that they do not meet again.
 *
 * @throws What `work` threw, where it is something else or lasts for three seconds.
 */
export async function whileLocked<T>(work: () => T | Promise<T>): Promise<T> {
  const until = Date.now() + ms.storageLocked
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!/database (table )?is locked|SQLITE_BUSY/i.test(String(error)) || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(10 * attempt, 100)))
    }
  }
}
