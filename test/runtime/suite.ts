import { protocolChecks } from './checks/protocol.ts'
import { signInChecks } from './checks/sign-in.ts'
import { streamChecks } from './checks/streams.ts'
import type { Peer } from './peer.ts'

/** What must hold on every runtime; rejects where it does not. */
export type Checks = Readonly<Record<string, (peer: Peer) => Promise<void>>>

export interface Verdict {
  readonly check: string
  readonly error: unknown
}

const all: Checks = { ...protocolChecks, ...signInChecks, ...streamChecks }
export const count: number = Object.keys(all).length

/** Runs every check against one proxy. @returns Those that failed. */
export async function runSuite(peer: Peer): Promise<Verdict[]> {
  const verdicts = await Promise.all(
    Object.entries(all).map(async ([check, run]): Promise<Verdict | undefined> => {
      try {
        await within(run(peer))
        return undefined
      } catch (error) {
        return { check, error }
      }
    }),
  )
  return verdicts.filter((verdict) => verdict !== undefined)
}

const PATIENCE = 60_000

async function within(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${PATIENCE / 1000} s`)), PATIENCE)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
