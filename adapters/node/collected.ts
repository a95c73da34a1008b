import type { Delivery } from '../../src/index.ts'

type Collecting = Extract<Delivery, { type: 'collect' }>

/** The body of a response that is read whole, as far as it has come. */
export class Collected {
  readonly #delivery: Collecting
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(delivery: Collecting) {
    this.#delivery = delivery
  }

  /** Adds a part. Returns `false` if the body is too large. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    return this.#size <= this.#delivery.limit
  }

  /** Returns the response for the client. @param isBroken `true` if the body is not complete. */
  respond(isBroken: boolean): Response {
    return this.#delivery.finish(isBroken ? undefined : Buffer.concat(this.#chunks))
  }
}
