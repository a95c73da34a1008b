import { serve } from 'lockgate/node'
import { carrierContract } from './carrier-contract.ts'

/** The carrier of Node, by its own streams. */
carrierContract({
  name: 'of Node',
  async start(proxy, port) {
    const server = await serve(proxy, { port })
    return { close: () => server.close(true) }
  },
})
