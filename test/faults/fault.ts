/** Something that goes wrong, and what comes of it. */
export interface Fault {
  readonly fault: string
  readonly outcome: string
  /** Rejects where the outcome is another. */
  run(): Promise<void>
}
