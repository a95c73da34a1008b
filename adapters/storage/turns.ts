/** Runs the changes of one key one after another. */
export interface Turns {
  /** Runs `work` after all earlier work on the key, whether that failed or not. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(key, work) {
      const turn = (last.get(key) ?? Promise.resolve()).then(work, work)
      const settled = turn.then(
        () => {},
        () => {},
      )
      last.set(key, settled)
      void settled.then(() => {
        if (last.get(key) === settled) last.delete(key)
      })
      return turn
    },
  }
}
