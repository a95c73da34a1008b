/** The stages of a stop, as one runtime does them. */
export interface Closing {
  /** Seconds between `announce` and `stop`. */
  readonly delay: number
  /** Seconds that responses may take after `stop` began. */
  readonly drain: number
  /** Tells load balancers and clients that the server is about to stop, while it serves as before. */
  announce(): void
  /** Accepts no more connections, and resolves at the end of the last response. */
  stop(): Promise<unknown>
  /** Cuts what is open. Then `stop` resolves. Not called once `stop` has resolved. */
  cut(): void
  /** Resolves at the end of the work that outlives responses. It gets the rest of the drain time. */
  settled(): Promise<void> | undefined
}

/** Returns the `close` of a server. */
export function createClose({
  delay,
  drain,
  announce,
  stop,
  cut,
  settled,
}: Closing): (force?: boolean) => Promise<void> {
  let force: () => void = () => {}
  const forced = new Promise<void>((resolve) => {
    force = resolve
  })

  async function close(): Promise<void> {
    announce()
    if (delay > 0) await within(delay, forced)
    const began = performance.now()
    let isOpen = true
    const stopped = stop().finally(() => {
      isOpen = false
    })
    void within(drain, Promise.race([forced, stopped.catch(() => {})])).then(() => isOpen && cut())
    await stopped
    const left = drain - (performance.now() - began) / 1000
    if (left > 0) await within(left, Promise.race([forced, settled()]))
  }

  let closing: Promise<void> | undefined
  return (isForced = false) => {
    if (isForced) force()
    closing ??= close()
    return closing
  }
}

/** Waits for `event`, but no longer than some seconds. */
export async function within(seconds: number, event: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000)
  })
  await Promise.race([event, timeout])
  clearTimeout(timer)
}
