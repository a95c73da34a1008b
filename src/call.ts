import type { Call, Context } from './context.ts'
import { randomId } from './crypto/random.ts'
import { describeError } from './events/describe-error.ts'
import type { Emit } from './events/event.ts'
import { forwardedAddress, isWithin, normalAddress, peerAddress, plainAddress } from './http/address.ts'
import type { RequestHead } from './http/head.ts'
import { callHookNow } from './options/call-hook.ts'

/** The `waitUntil` of Workers, and of adapters that wait for work when they stop. */
interface Waiting {
  waitUntil(work: Promise<unknown>): void
}

/** The server of Bun. */
interface Cutting {
  timeout(request: Request, seconds: number): void
}

const has = <T>(value: unknown, name: keyof T): value is T =>
  typeof value === 'object' && value !== null && typeof (value as T)[name] === 'function'

const waits = (value: unknown): value is Waiting => has<Waiting>(value, 'waitUntil')

const cuts = (value: unknown): value is Cutting => has<Cutting>(value, 'timeout')

/** Addresses that proxies in front usually have. */
const PRIVATE = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

const isForwarded = ({ headers }: RequestHead): boolean =>
  ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'].some((name) => headers.get(name) !== null)

/** Makes the {@link Call} of a request. @param native The further arguments of the runtime. */
export function callOf(ctx: Context, head: RequestHead, native: readonly unknown[]): Call {
  const call = new RequestCall(ctx, head, native)
  ctx.host.isBound ||= call.isBound
  return call
}

const isWorkerContext = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'passThroughOnException' in value

class RequestCall implements Call {
  readonly #ctx: Context
  readonly #head: RequestHead
  readonly #native: readonly unknown[]
  readonly isBound: boolean
  #requestId: string | undefined

  constructor(ctx: Context, head: RequestHead, native: readonly unknown[]) {
    this.#ctx = ctx
    this.#head = head
    this.#native = native
    this.isBound = native.some(isWorkerContext)
  }

  get isHeard(): boolean {
    return this.#ctx.settings.hearsRequests
  }

  /** Made on first use, because most requests succeed and need none. */
  requestId(): string {
    this.#requestId ??= randomId(9)
    return this.#requestId
  }

  address(): string | undefined {
    const address = this.#source()
    return address === undefined ? undefined : normalAddress(address)
  }

  clientAddress(): string | undefined {
    const address = this.#source()
    return address === undefined ? undefined : plainAddress(address)
  }

  peer(): string | undefined {
    return peerAddress(() => this.#head.toRequest(), this.#native)
  }

  /** Returns the address of the client's side, as the runtime or the operator's function tells it. */
  #source(): string | undefined {
    const { clientAddress, trustProxy } = this.#ctx.settings
    const head = this.#head
    const peer = clientAddress
      ? callHookNow('clientAddress', () => clientAddress(head.toRequest(), ...this.#native))
      : this.peer()
    if (!clientAddress && trustProxy === 0) this.#noticeProxy(peer)
    return forwardedAddress(head.headers.get('x-forwarded-for'), trustProxy, peer)
  }

  /** Reports once that a proxy in front hides the clients. A client may send its headers too, but not from a private address. */
  #noticeProxy(peer: string | undefined): void {
    const { host, emit } = this.#ctx
    if (host.hasProxy || !isForwarded(this.#head) || !isWithin(peer, PRIVATE)) return
    host.hasProxy = true
    emit({ type: 'failed', requestId: this.requestId(), reason: 'proxy-not-trusted' })
  }

  defer(work: Promise<unknown>): void {
    const settled = work.catch((error) =>
      this.#ctx.emit({ type: 'failed', reason: 'background-work-failed', error: describeError(error) }),
    )
    // Workers end a request's work with its response, unless they are told of more.
    const host = this.#native.find(waits) ?? ([this.#head.toRequest()] as unknown[]).find(waits)
    if (host) host.waitUntil(settled)
    else this.#ctx.keepAlive(settled)
  }

  finish(work: Promise<unknown>): void {
    const host = this.isBound ? this.#native.find(waits) : undefined
    if (host) host.waitUntil(work)
    else this.#ctx.keepAlive(work)
  }

  keepOpen(): void {
    // Bun cuts a response that is silent for ten seconds, as streams and slow tools are.
    this.#native.find(cuts)?.timeout(this.#head.toRequest(), 0)
  }

  /** A function of its own, because it is passed on without its call. */
  get emit(): Emit {
    // Without a listener no id is needed. A failure is printed even then.
    return (event) => {
      if (this.isHeard || event.type === 'failed') this.#ctx.emit({ requestId: this.requestId(), ...event })
    }
  }
}
