import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gate, startGates } from './gate.ts'
import { play, STEPS } from './play.ts'
import { REAL_CLIENTS } from './real.ts'
import { PLACES, SHAPES } from './shapes.ts'

let gates: readonly Gate[]
let close: () => Promise<void>

beforeAll(async () => {
  const started = await startGates(PLACES)
  gates = started.gates
  close = started.close
})
afterAll(() => close())

const plays = SHAPES.flatMap((shape) =>
  (shape.places ?? (['origin', 'base path'] as const)).map((place) => ({ shape, place, name: shape.client })),
)

test.concurrent.each(plays)('$name gets in, with the proxy at: $place', async ({ shape, place }) => {
  const gate = gates.find((one) => one.place === place)!
  const { passed, failure } = await play(shape, gate)
  if (failure) throw failure.error
  expect(passed).toEqual(STEPS)
})

describe('the client itself gets in, and stays in past the end of its token', () => {
  for (const { client: name, version, missing, place = 'origin', play: playReal } of REAL_CLIENTS) {
    const client = `${name} ${version}`
    if (missing !== undefined) console.warn(`${client} is left out: ${missing} is missing`)
    test.skipIf(missing !== undefined)(client, { timeout: 240_000 }, async () => {
      // Of its own: it moves the clock.
      const own = await startGates([place])
      await playReal(own.gates[0]!).finally(own.close)
    })
  }
})
