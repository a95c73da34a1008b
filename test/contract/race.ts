import type { Store } from 'lockgate'

/** Lets many swap the same version at once. @returns How many of them won. */
export async function race(
  store: Store,
  key: string,
  version: string | undefined | null,
  racers: number,
): Promise<number> {
  const swaps = Array.from({ length: racers }, (_, racer) =>
    store.swap(key, version ?? undefined, { racer, of: crypto.randomUUID() }, 60),
  )
  return (await Promise.all(swaps)).filter((won) => won).length
}
