/** Runs the changes of one key one after another. */
export interface Turns {
  /**
   * Runs `work` when no other work on the key is under way. Work that takes longer than `longest` no longer counts: on Workers
   * it never ends if its request was cancelled.
   */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
}

interface Turn {
  /** By a clock that no operator sets, in milliseconds. */
  readonly startedAt: number
  readonly over: Promise<void>
}

/** @param longest Milliseconds. */
export function createTurns(longest: () => number): Turns {
  const turns = new Map<string, Turn>()

  /** Returns the milliseconds for which the work under way still counts. */
  const left = ({ startedAt }: Turn): number => longest() - (performance.now() - startedAt)

  return {
    async take(key, work) {
      for (let turn = turns.get(key); turn && left(turn) > 0; turn = turns.get(key)) {
        await either(turn.over, left(turn))
      }
      let end: () => void = () => {}
      const over = new Promise<void>((resolve) => {
        end = resolve
      })
      const own: Turn = { startedAt: performance.now(), over }
      turns.set(key, own)
      try {
        return await work()
      } finally {
        if (turns.get(key) === own) turns.delete(key)
        end()
      }
    },
  }
}

/** Waits for `event`, but not for longer than `milliseconds`. */
async function either(event: Promise<void>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([event, late])
  clearTimeout(timer)
}
