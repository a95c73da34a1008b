import { createServer } from 'node:net'

// Below the ports that Linux gives to outgoing connections and to `listen(0)` (32768 and up). Otherwise another
// connection of this machine could take the port between this answer and the start of the server.
const FIRST = 10_000
const COUNT = 22_000

let next = Math.floor(Math.random() * COUNT)

/** A port below 32768 on which no server listens. Each call gives another one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + (next++ % COUNT)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}
