/** How much goes wrong in one history. Percentages are per message. */
export interface Faults {
  /** A request to the store or the provider fails before it has an effect. */
  readonly lost: number
  /** It has its effect, but the response never arrives. */
  readonly unanswered: number
  /** A client's request or response is lost on the way. */
  readonly clientLost: number
  /** A request of a client arrives twice. */
  readonly doubled: number
  /** An instance dies at a message of its own. */
  readonly crash: number
  /** The provider answers 503. */
  readonly outage: number
}

export const CALM: Faults = { lost: 0, unanswered: 0, clientLost: 0, doubled: 0, crash: 0, outage: 0 }
export const ROUGH: Faults = { lost: 2, unanswered: 2, clientLost: 3, doubled: 3, crash: 1, outage: 2 }
