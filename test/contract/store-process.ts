import { fromUrl } from '../../adapters/storage/from-url.ts'
import { onLine } from './lines.ts'
import { race } from './race.ts'
import type { Call } from './remote-store.ts'

/** A process of its own that opens the store its argument names, and does to it what each line of its input says. */
const store = await fromUrl(process.argv[2]!)
process.stdout.write(`${JSON.stringify({ ready: store.consistency })}\n`)

async function answer({ op, args }: Call): Promise<unknown> {
  if (op === 'race') return race(store, ...(args as [string, string | undefined, number]))
  if (op === 'keys') {
    const keys: string[] = []
    for await (const key of store.keys(args[0] as string)) keys.push(key)
    return keys
  }
  if (op === 'hold') return store.hold?.()
  // JSON has no undefined: a version that is null is one.
  const given = op === 'swap' ? args.map((arg, index) => (index === 1 ? (arg ?? undefined) : arg)) : args
  return (store[op] as (...args: unknown[]) => Promise<unknown>)(...given)
}

onLine(process.stdin, async (line) => {
  const call = JSON.parse(line) as Call
  const reply = await answer(call).then(
    (result) => ({ id: call.id, result }),
    (error: Error) => ({ id: call.id, error: { name: error.name, message: error.message } }),
  )
  process.stdout.write(`${JSON.stringify(reply)}\n`)
})
process.stdin.on('end', () => process.exit(0))
