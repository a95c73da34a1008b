import { assertionChecks } from './checks/assertions.ts'
import { protocolChecks } from './checks/protocol.ts'
import { ruleChecks } from './checks/rules.ts'
import { signInChecks } from './checks/sign-in.ts'
import { signedChecks } from './checks/signed.ts'
import { streamChecks } from './checks/streams.ts'
import type { Peer } from './peer.ts'

/** What must hold on every runtime; rejects where it does not. */
export type Checks = Readonly<Record<string, (peer: Peer) => Promise<void>>>

export interface Verdict {
  readonly check: string
  readonly error: unknown
}

const all: Checks = {
  ...protocolChecks,
  ...signInChecks,
  ...signedChecks,
  ...streamChecks,
  ...assertionChecks,
  ...ruleChecks,
}

/** @param except Checks to leave out; each must exist. @returns Those that failed, of how many. */
export async function runSuite(
  peer: Peer,
  except: readonly string[],
): Promise<{ failed: Verdict[]; count: number }> {
  for (const name of except) if (!(name in all)) throw new Error(`there is no check “${name}”`)
  const chosen = Object.entries(all).filter(([name]) => !except.includes(name))
  const verdicts = await Promise.all(
    chosen.map(async ([check, run]): Promise<Verdict | undefined> => {
      try {
        await within(run(peer))
        return undefined
      } catch (error) {
        return { check, error }
      }
    }),
  )
  return { failed: verdicts.filter((verdict) => verdict !== undefined), count: chosen.length }
}

const PATIENCE = 60_000

async function within(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${PATIENCE / 1000} s`)), PATIENCE)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
