/**
 * Judges a registration that the rules let pass. `metadata` is the request's JSON as it came, claimed by a stranger;
 * the body of `request` has been read.
 */
export type RegistrationPolicy = (
  metadata: Readonly<Record<string, unknown>>,
  request: Request,
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing lets everybody in
) => void | RegistrationRefusal | Promise<void | RegistrationRefusal>

/** A refusal as the client sees it. */
export interface RegistrationRefusal {
  /** Such as `invalid_client_metadata` or `unapproved_software_statement`. */
  error: string
  description?: string
  /** 400 to 499; 400 by default. */
  status?: number
}
