import type { Provider, ProxyOptions } from '../../../src/index.ts'

/** Returns the providers that are known before a request. A function as `upstream` gives none. */
export const providersOf = (upstream: ProxyOptions['upstream'] | undefined): readonly Provider[] =>
  upstream === undefined || typeof upstream === 'function'
    ? []
    : ([upstream].flat() as readonly (Provider | object)[]).filter((one): one is Provider => 'issuer' in one)
