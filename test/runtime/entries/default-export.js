import { createProxy } from 'lockgate'
import { fromUrl } from 'lockgate/storage/from-url'
import { options } from './options.js'

export default createProxy({ ...options(process.env), storage: await fromUrl(process.env.STORAGE) })
