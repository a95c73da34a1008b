import { env } from 'cloudflare:workers'
import { createProxy } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { options } from './options.js'

export default createProxy({ ...options(env), storage: memory() })
