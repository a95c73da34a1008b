import { createProxy } from 'lockgate'
import { fetch, serve } from 'lockgate/node'
import { memory } from 'lockgate/storage/memory'
import { parity } from './parity.js'

await serve(createProxy({ fetch, ...parity(process.env), storage: memory() }), {
  port: Number(process.env.PORT),
})
