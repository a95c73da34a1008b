import { serve } from 'lockgate/node'
import { app } from './app.js'

await serve(app(process.env), { port: Number(process.env.PORT) })
