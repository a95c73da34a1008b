import { env } from 'cloudflare:workers'
import { createProxy } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { clientAddress } from 'lockgate/workers'
import { parity } from './parity.js'

export default createProxy({ ...parity(env), storage: memory(), clientAddress })
