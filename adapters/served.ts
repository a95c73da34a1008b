import { setImmediate } from 'node:timers'
import { ConfigError } from '../src/index.ts'
import { LONGEST_WAIT } from '../src/internal.ts'

/** A server that listens. */
export interface Served {
  /** The address, such as `http://127.0.0.1:8787/`. */
  readonly url: string
  /**
   * Stops without losing a request. `/health` turns to 503, and after the `delay` the server accepts no connection, ends
   * event streams that only wait, and lets responses under way finish for the `drain` time. Connections that are kept
   * open close with their next response.
   *
   * @param force Cuts what is still open, instead of waiting. A second call may do so.
   */
  close(force?: boolean): Promise<void>
}

/** Settings of every `serve`. */
export interface ServeOptions {
  /** A free port if 0. @default 8787 */
  readonly port?: number | undefined
  /** The address to listen on. Only a server in front has to reach it. @default '127.0.0.1' */
  readonly hostname?: string | undefined
  /** Seconds that responses under way may take after {@link Served.close}. @default 30 */
  readonly drain?: number | undefined
  /**
   * Seconds between the moment at which `/health` turns to 503 and the moment at which the server accepts no more
   * connections, so that a load balancer stops sending in between. @default 0
   */
  readonly delay?: number | undefined
  /** Called with the address once it listens, and after `serve` has returned. By default one line names it on the console. */
  readonly onListen?: ((url: string) => void) | undefined
}

/** @throws {ConfigError} If a time is not a number of seconds that a timer can wait for. */
export function checkTimes(times: Readonly<Record<string, number>>): void {
  const issues = Object.entries(times)
    .filter(([, time]) => typeof time !== 'number' || !(time >= 0 && time <= LONGEST_WAIT))
    .map(([path]) => ({ path, message: `expected seconds, from 0 to ${LONGEST_WAIT}` }))
  if (issues.length > 0) throw new ConfigError(issues)
}

/**
 * Tells that a server listens: to `onListen`, or in one line on the console. It does so after the caller of `serve` went
 * on, so that the caller listens to signals before others know that it is ready.
 */
export function announce(
  { issuer }: { readonly issuer?: string },
  url: string,
  { onListen }: Pick<ServeOptions, 'onListen'>,
): void {
  const place = url.replace(/\/$/, '')
  const publicly = issuer === undefined || issuer === place ? '' : ` as ${issuer}`
  setImmediate(() => {
    if (onListen) onListen(url)
    else console.info(`Lockgate listens on ${place}${publicly}`)
  })
}
