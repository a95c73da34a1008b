import { serve } from 'srvx/node'
import { carrierContract } from './carrier-contract.ts'

/** The carrier of every runtime, by `fetch`, behind a server that only speaks the Fetch API. */
carrierContract({
  name: 'by fetch',
  repairs: true,
  async start(proxy, port) {
    const server = serve({
      port,
      hostname: '127.0.0.1',
      async fetch(request) {
        const response = await proxy.fetch(request, request)
        if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
          const outgoing = request.runtime?.node?.res
          // Node keeps headers back until there is a body to send with them.
          setImmediate(() => outgoing?.headersSent && 'flushHeaders' in outgoing && outgoing.flushHeaders())
        }
        return response
      },
      silent: true,
      gracefulShutdown: false,
      node: { requestTimeout: 0 },
    })
    await server.ready()
    return { close: () => server.close(true) }
  },
})
