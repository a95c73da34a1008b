// What the adapters of this package share with the core beyond its public surface. It has no subpath: applications cannot
// import it, and it may change in any release.
export { fetchIssuerKeys } from './assertions/issuer-keys.ts'
export { StatedError } from './errors.ts'
export { printable } from './events/printable.ts'
export { BodyTooLarge, readCapped } from './http/capped-body.ts'
export { isLoopbackHost, isLoopbackUrl } from './http/loopback.ts'
export { type TriedExchange, tryExchange } from './operator.ts'
export { type ScalarOption, scalarOptions } from './options/scalars.ts'
export { reasons } from './reasons/reasons.ts'
export { ms, scaleTiming, seconds } from './timing.ts'
export { clientAuth } from './upstream/client-auth.ts'
export { createUpstream, type Upstream } from './upstream/upstream.ts'
export { closest } from './validation/closest.ts'
