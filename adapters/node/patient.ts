import { Agent, buildConnector, Client, Pool } from 'undici'

/** Shared, so that TLS sessions are resumed whichever client of a pool connects. */
const open = buildConnector({})

/**
 * Makes a client that keeps no connection without a request. When a response is aborted, undici opens a new connection
 * for the request that is over, and no time-out of its own would close it: https://github.com/nodejs/undici/issues/5845
 */
function thrifty(origin: URL, options: object): Client {
  const connect: buildConnector.connector = (to, callback) =>
    open(to, (...[error, socket]) => {
      if (error) return callback(error, null)
      callback(null, socket)
      // By then the client has begun the request that the connection is for, if there is one.
      setImmediate(() => {
        if (client.stats.size === 0) socket.destroy()
      })
    })
  const client = new Client(origin, { ...options, connect })
  return client
}

/** Waits as long as the MCP server does: tools may think longer than any default timeout, and streams may be silent. */
export const patient = new Agent({
  headersTimeout: 0,
  bodyTimeout: 0,
  factory: (origin, options) => new Pool(origin, { ...options, factory: thrifty }),
})
