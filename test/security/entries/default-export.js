import { app } from './app.js'

export default app(process.env)
