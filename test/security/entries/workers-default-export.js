import { env } from 'cloudflare:workers'
import { app } from './app.js'

export default app(env)
