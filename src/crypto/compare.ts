import { equalBytes } from '@noble/ciphers/utils.js'

const encoder = new TextEncoder()

/** Tells whether two texts are equal, in a time that depends only on their lengths. */
export const equal = (a: string, b: string): boolean => equalBytes(encoder.encode(a), encoder.encode(b))
