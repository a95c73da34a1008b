import type { ConfigIssue } from '../errors.ts'
import type { ProxyEvent } from './event.ts'
import { printable } from './printable.ts'

/** Prints failures, for a proxy without a listener: an error that only the user sees cannot be mended. */
export function printFailure(event: ProxyEvent): void {
  if (event.type !== 'failed') return
  const { time, endpoint, reason, detail, error } = event
  const parts = [time, 'Lockgate failed', endpoint, reason, detail, error].filter(
    (part) => part !== undefined,
  )
  console.error(printable(parts.join('  ')))
}

/** Prints a warning about options, for a proxy without a listener. */
export const printWarning = ({ path, message }: ConfigIssue): void =>
  console.warn(printable(`Lockgate: ${path}: ${message}`))
