import { createProxy } from 'lockgate'
import { fetch, serve } from 'lockgate/node'
import { fromUrl } from 'lockgate/storage/from-url'
import { options } from './options.js'

const { env } = process
const proxy = createProxy({ ...options(env), storage: await fromUrl(env.STORAGE), fetch })
await serve(proxy, { port: Number(env.PORT) })
