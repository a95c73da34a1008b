import { afterAll, beforeAll, describe } from 'vitest'
import { bodyRules } from './carrier/bodies.ts'
import { failureRules } from './carrier/failures.ts'
import { requestRules } from './carrier/requests.ts'
import { responseRules } from './carrier/responses.ts'
import { streamRules } from './carrier/streams.ts'
import { type Carrier, startWorld, type World } from './carrier/world.ts'

export type { Carrier }

/** What holds for every carrier, over real sockets: between a client, the proxy, and an MCP server. */
export function carrierContract(carrier: Carrier): void {
  describe(`the carrier ${carrier.name}`, () => {
    describe('with one server for all', () => {
      let world: World
      beforeAll(async () => {
        world = await startWorld(carrier)
      })
      afterAll(() => world.close())
      requestRules(() => world, carrier)
      responseRules(() => world)
      failureRules(() => world)
    })
    streamRules(carrier)
    bodyRules(carrier)
  })
}
