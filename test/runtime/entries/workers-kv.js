import { cloudflareKv } from 'lockgate/storage/cloudflare-kv'
import { fromEnv } from 'lockgate/workers'
import { options } from './options.js'

export default fromEnv((env) => ({ ...options(env), storage: cloudflareKv(env.LOCKGATE) }))
