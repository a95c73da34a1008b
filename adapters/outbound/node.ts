import type { KeepAlive, Outbound } from '../../src/ports.ts'

export { direct } from './direct.ts'

let created: Promise<Outbound> | undefined

/** Imports its implementation on first use, to keep start-up fast. */
export const outbound: Outbound | undefined = async (url, options) => {
  created ??= import('./create-outbound.ts').then(({ createOutbound }) => createOutbound())
  return (await created)(url, options)
}

/** Work lasts by itself on these runtimes. */
export const keepAlive: KeepAlive = () => {}
