import type { Admission } from './admission.ts'

/** The most bytes of admissions that one map keeps. */
export const MAX_ADMISSION_BYTES: number = 64 * 1024 * 1024

/** Bytes of an admission without its token and its user. */
const ENTRY = 1500

/** Bytes that a character of claims takes once they are objects. A claim may be a list of empty ones. */
const PER_CHARACTER = 20

/** Returns about how many bytes an admission takes in memory. An owner of a key decides how large their claims are. */
export function admissionSize({ auth }: Pick<Admission, 'auth'>): number {
  return ENTRY + auth.token.length + PER_CHARACTER * textOf(auth.user).length
}

function textOf(user: object): string {
  try {
    return JSON.stringify(user)
  } catch {
    // The operator's own function may return objects that JSON cannot hold.
    return ''
  }
}
