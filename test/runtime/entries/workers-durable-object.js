import { durableObject } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'
import { options } from './options.js'

export { LockgateStore } from 'lockgate/workers'
export default fromEnv((env) => ({ ...options(env), storage: durableObject(env.LOCKGATE) }))
