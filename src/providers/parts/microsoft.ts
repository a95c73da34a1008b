import type { RefreshErrorRule } from './refresh-errors.ts'

/**
 * Refusals of Microsoft's identity platforms that pass: internal failures, a busy service and a detected loop.
 *
 * @see [Error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
 */
export const MICROSOFT_ERRORS: readonly RefreshErrorRule[] = [
  { description: /AADSTS(90033|90055|90012|90024|90019|50196)\b/, means: 'transient' },
]
