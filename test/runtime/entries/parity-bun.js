import { createProxy } from 'lockgate'
import { serve } from 'lockgate/bun'
import { memory } from 'lockgate/storage/memory'
import { parity } from './parity.js'

serve(createProxy({ ...parity(process.env), storage: memory() }), { port: Number(process.env.PORT) })
