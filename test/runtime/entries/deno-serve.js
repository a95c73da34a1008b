import { createProxy } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/deno'
import { fromUrl } from 'lockgate/storage/from-url'
import { options } from './options.js'

const { env } = process
const proxy = createProxy({ ...options(env), storage: await fromUrl(env.STORAGE) })
stopOnSignals(serve(proxy, { port: Number(env.PORT) }))
