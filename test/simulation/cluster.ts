import { createProxy, type OAuthProxy, type ProxyEvent } from 'lockgate'
import { companyOptions } from './company.ts'
import type { Faults } from './faults.ts'
import type { ModelProvider } from './model-provider.ts'
import type { Caller, ModelStore } from './model-store.ts'
import { type Format, inFormat } from './record-formats.ts'
import { upstreamOf } from './tenants.ts'
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
  ['the second secret of that world, long enough'],
] as const

/** One process that runs the proxy. */
export interface Instance extends Caller {
  readonly proxy: OAuthProxy
  /** Seconds by which its clock differs. */
  skew: number
  /** The least and the most by which its clock differed since a moment. */
  skewsSince(moment: number): { readonly least: number; readonly most: number }
  die(why: string): void
}

export interface Cluster {
  readonly slots: Instance[]
  /** Sends a request to some instance. Rejects if the request or its response is lost. */
  send(request: Request, label: string): Promise<Response>
  /** Replaces the instance of a slot by a new process. Requests under way finish at the old one. */
  restart(slot: number, stage: number): void
  /** The instance that made a response. */
  servedBy(response: Response): Instance | undefined
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
    /** Seconds after which the provider is asked about a user again. */
    revalidate: number | undefined
    /** Requests name their tenant. */
    tenants: boolean
    /** The form in which a new instance writes its records. */
    format: () => Format
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
    let proxy: OAuthProxy | undefined
    const secret = [...SECRETS[stage[slot]!]!]
    const skews: { readonly at: number; readonly skew: number }[] = []
    const setSkew = (skew: number) => {
      skews.push({ at: world.now(), skew })
      ahead = Math.max(ahead, skew)
      behind = Math.min(behind, skew)
    }
    setSkew(ports.skew())
    const instance: Instance = {
      name,
      get skew() {
        return skews.at(-1)!.skew
      },
      set skew(seconds) {
        setSkew(seconds)
      },
      skewsSince(moment) {
        const known = skews.filter((_, index) => (skews[index + 1]?.at ?? Infinity) >= moment)
        const values = known.map(({ skew }) => skew)
        return { least: Math.min(...values), most: Math.max(...values) }
      },
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
      // Made when it is first needed, because many instances of a rolling restart serve nothing.
      get proxy() {
        proxy ??= create()
        return proxy
      },
    }
    const storage = inFormat(ports.format(), store.handle(instance))
    const company = companyOptions(storage.consistency, ports.tenants)
    const create = () =>
      createProxy({
        url: ISSUER,
        secret,
        storage,
        upstream: upstreamOf(ports.tenants),
        clients: [{ clientId: 'app', redirectUris: [REDIRECT] }, ...company.clients],
        trustedIssuers: company.trustedIssuers,
        mcp: async (_request, auth) => {
          const upstream = await auth.upstream.accessToken()
          return Response.json({ email: auth.user.email, upstream })
        },
        limits: false,
        revocationLag: LAG,
        revalidate: ports.revalidate,
        refreshGrace: GRACE,
        fetch: provider.fetch(instance),
        now: () => Math.floor(world.now() / 1000 + instance.skew),
        on: { event: ports.onEvent },
      })
    return instance
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

  const makers = new WeakMap<Response, Instance>()

  return {
    slots,
    stage,
    servedBy: (response) => makers.get(response),
    get spread() {
      return ahead - behind
    },
    jump(slot, seconds) {
      const instance = slots[slot]!
      instance.skew += seconds
      world.note(`${instance.name} sets its clock by ${seconds} s`)
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
        world.schedule({ by: 'client', what: `→ ${label}` }, () => {
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
            world.schedule({ by: instance.name, what: `→ client ${label} ${response.status}` }, () => {
              waiting.delete(reject)
              makers.set(response, instance)
              if (world.choices.chance(faults().clientLost)) {
                onFault('client response lost')
                reject(new ConnectionLost('the response was lost'))
              } else if (instance.alive) resolve(response)
            })
          void serve(instance, request, body).then(answer)
          if (request.method === 'POST' && world.choices.chance(faults().doubled)) {
            onFault('request doubled')
            const other = slots[world.choices.pick(slots.length)]!
            world.schedule({ by: 'client', what: `→ ${label} again` }, () => void serve(other, request, body))
          }
        })
      })
    },
  }
}
