import process from 'node:process'
import { createProxy } from 'lockgate'
import { serve } from 'lockgate/deno'
import { memory } from 'lockgate/storage/memory'
import { parity } from './parity.js'

serve(createProxy({ ...parity(process.env), storage: memory() }), { port: Number(process.env.PORT) })
