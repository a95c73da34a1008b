import { createProxy } from 'lockgate'
import { serve } from 'lockgate/deno'
import { fromUrl } from 'lockgate/storage/from-url'
import { options } from './options.js'

const { env } = process
const proxy = createProxy({ ...options(env), storage: await fromUrl(env.STORAGE) })
serve(proxy, { port: Number(env.PORT) })
