/** Lockgate on Workers, in front of MCP_URL. It is bundled before it is started. */
import { env } from 'cloudflare:workers'
import { createProxy } from '../../../dist/index.js'
import { oauth2 } from '../../../dist/providers/oauth2.js'
import { memory } from '../../../dist/storage/memory.js'
import { optionsOf } from './options.js'

export default createProxy(optionsOf({ oauth2, memory }, env))
