import { createProxy, type OAuthProxy, type ProxyEvent } from 'lockgate'
import { oauth2 } from 'lockgate/providers/oauth2'
import { companyOptions } from './company.ts'
import type { Faults } from './faults.ts'
import { type ModelProvider, PROVIDER } from './model-provider.ts'
import type { Caller, ModelStore } from './model-store.ts'
import type { World } from './world.ts'

export const ISSUER = 'https://proxy.test'
export const REDIRECT = 'https://app.test/callback'
export const GRACE = 60
export const LAG = 5

/** Secrets by the documented steps of a rotation: every instance learns the new one before any of them uses it. */
export const SECRETS = [
  ['the first secret of the simulated world, long enough'],
  [
    'the first secret of the simulated world, long enough',
    'the second secret of that world, long enough',
    'the first secret of the simulated world, long enough',
  ],
  ['the second secret of that world, long enough', 'the first secret of the simulated world, long enough'],
] as const

/** One process that runs the proxy. */
export interface Instance extends Caller {
  readonly proxy: OAuthProxy
  /** Seconds by which its clock differs. */
  skew: number
  die(why: string): void
}

export interface Cluster {
  readonly slots: Instance[]
  /** Sends a request to some instance. Rejects if the request or its response is lost. */
  send(request: Request, label: string): Promise<Response>
  /** Replaces the instance of a slot by a new process. Requests under way finish at the old one. */
  restart(slot: number, stage: number): void
  /** The largest difference between two clocks so far, in seconds. */
  readonly spread: number
  jump(slot: number, seconds: number): void
  readonly stage: readonly number[]
}

export class ConnectionLost extends Error {}

export function createCluster(
  world: World,
  ports: {
    size: number
    skew: () => number
    store: ModelStore
    provider: ModelProvider
    faults: () => Faults
    onFault(kind: string, by?: string): void
    onEvent(event: ProxyEvent): void
    onDelivery(request: Request, body: string): void
  },
): Cluster {
  const { store, provider, faults, onFault } = ports
  let born = 0
  let ahead = 0
  let behind = 0
  const open = new Map<Instance, Set<(error: Error) => void>>()
  const stage = Array.from({ length: ports.size }, () => 0)

  function start(slot: number): Instance {
    const name = `i${slot}${'abcdefghij'[born++ % 10]}`
    let alive = true
    const instance: Instance = {
      name,
      skew: ports.skew(),
      get alive() {
        return alive
      },
      mayCrash() {
        if (alive && world.choices.chance(faults().crash)) {
          onFault('crash', name)
          instance.die('crashes')
        }
      },
      die(why) {
        alive = false
        world.note(`${name} ${why}`)
        for (const reject of open.get(instance) ?? []) reject(new ConnectionLost('the instance died'))
        // A supervisor starts another one.
        if (slots[slot] === instance) slots[slot] = start(slot)
      },
      proxy: undefined as never,
    }
    const storage = store.handle(instance)
    const company = companyOptions(storage.consistency)
    const proxy = createProxy({
      url: ISSUER,
      secret: [...SECRETS[stage[slot]!]!],
      storage,
      upstream: oauth2({ ...PROVIDER, clientId: 'lockgate', clientSecret: 'a secret at the provider' }),
      clients: [{ clientId: 'app', redirectUris: [REDIRECT] }, ...company.clients],
      trustedIssuers: company.trustedIssuers,
      mcp: async (_request, auth) => {
        const upstream = await auth.upstream.accessToken()
        return Response.json({ user: auth.user.id, upstream })
      },
      limits: false,
      revocationLag: LAG,
      refreshGrace: GRACE,
      fetch: provider.fetch(instance),
      now: () => Math.floor(world.now() / 1000 + instance.skew),
      on: { event: ports.onEvent },
    })
    Object.assign(instance, { proxy })
    measure(instance.skew)
    return instance
  }

  function measure(skew: number): void {
    ahead = Math.max(ahead, skew)
    behind = Math.min(behind, skew)
  }

  const slots: Instance[] = []
  for (let slot = 0; slot < ports.size; slot++) slots.push(start(slot))

  async function serve(instance: Instance, request: Request, body: string): Promise<Response> {
    ports.onDelivery(request, body)
    const copy = new Request(request.url, {
      method: request.method,
      headers: request.headers,
      ...(request.method === 'POST' && { body }),
    })
    return instance.proxy.fetch(copy)
  }

  return {
    slots,
    stage,
    get spread() {
      return ahead - behind
    },
    jump(slot, seconds) {
      const instance = slots[slot]!
      instance.skew += seconds
      world.note(`${instance.name} sets its clock by ${seconds} s`)
      measure(instance.skew)
    },
    restart(slot, to) {
      stage[slot] = to
      slots[slot] = start(slot)
      world.note(`${slots[slot]!.name} takes over slot ${slot} with step ${to} of the rotation`)
    },
    async send(request, label) {
      const body = request.method === 'POST' ? await request.text() : ''
      return new Promise((resolve, reject) => {
        const slot = world.choices.pick(slots.length)
        world.schedule(`client → ${label}`, () => {
          const instance = slots[slot]!
          if (world.choices.chance(faults().clientLost)) {
            onFault('client request lost')
            reject(new ConnectionLost('the request was lost'))
            return
          }
          const waiting = open.get(instance) ?? new Set()
          open.set(instance, waiting)
          waiting.add(reject)
          const answer = (response: Response) =>
            world.schedule(`${instance.name} → client ${label} ${response.status}`, () => {
              waiting.delete(reject)
              if (world.choices.chance(faults().clientLost)) {
                onFault('client response lost')
                reject(new ConnectionLost('the response was lost'))
              } else if (instance.alive) resolve(response)
            })
          void serve(instance, request, body).then(answer)
          if (request.method === 'POST' && world.choices.chance(faults().doubled)) {
            onFault('request doubled')
            const other = slots[world.choices.pick(slots.length)]!
            world.schedule(`client → ${label} again`, () => void serve(other, request, body))
          }
        })
      })
    },
  }
}
