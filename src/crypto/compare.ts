import { equalBytes } from '@noble/ciphers/utils.js'

const encoder = new TextEncoder()

/** Whether two texts are equal, in time that depends on their lengths only. */
export const equal = (a: string, b: string): boolean => equalBytes(encoder.encode(a), encoder.encode(b))
