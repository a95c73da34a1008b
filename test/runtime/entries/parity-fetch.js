import { createProxy } from 'lockgate'
import { serve } from 'lockgate/node'
import { memory } from 'lockgate/storage/memory'
import { parity } from './parity.js'

/** As in an application that has a server of its own: requests are forwarded with Node's `fetch`. */
const { fetch } = globalThis
const port = Number(process.env.PORT)
await serve(createProxy({ ...parity(process.env), storage: memory(), fetch }), { port })
