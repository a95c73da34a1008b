import type { Fetch } from 'lockgate'
import type { Faults } from './faults.ts'
import { Violation } from './ledger.ts'
import type { Caller } from './model-store.ts'
import { personOf } from './tenants.ts'
import type { World } from './world.ts'

/** Everything that one sign-in at the provider led to. Reuse of an old refresh token ends it. */
interface Family {
  readonly id: number
  readonly user: string
  /** The application that it belongs to. */
  readonly client: string
  /** The user that the provider names when it is asked. Only a wrong provider names another one than `user`. */
  named: string
  alive: boolean
  /** Why it is not. */
  ended?: 'reuse' | 'revoked'
  /** The number of the current tokens. */
  turn: number
  /** Instances whose refresh is under way. */
  readonly asking: Set<string>
  /** The instance that got new tokens and has not stored them yet. */
  holder: Holder | undefined
}

/** An instance with new tokens. */
export interface Holder {
  readonly name: string
  /** The time when it got them, in milliseconds. */
  readonly since: number
  /** How often the store failed it since. */
  failures: number
}

export interface ModelProvider {
  fetch(of: Caller): Fetch
  /** The user approves at the provider. @returns The address of the callback. */
  approve(authorizationUrl: string, user: string): string
  /** The person of an access token, if its family is alive or was. */
  personOf(accessToken: string): string | undefined
  /** Whether the sign-in that an access token belongs to was ended by the provider because a token was used twice. */
  readonly families: readonly Family[]
  /** How many codes were exchanged. */
  readonly exchanges: number
  readonly outages: { until: number }
}

/** Seconds that the provider's access tokens live. */
export const PROVIDER_TTL = 300

const ORIGIN = 'https://idp.test'

/** The application that authenticates a request, by HTTP Basic. */
function clientOf({ headers }: RequestInit): string {
  const credentials = new Headers(headers).get('authorization')?.replace(/^Basic /, '') ?? ''
  return atob(credentials).split(':')[0]!
}

/** A provider whose refresh tokens work once. */
export function createModelProvider(
  world: World,
  options: {
    faults: () => Faults
    onFault(kind: string): void
    /** Two instances asked for the same family at the same time. */
    onOverlap(family: Family, names: readonly string[]): void
    /** A response with new tokens was lost on the way, or its receiver died. */
    onLost(family: Family, why: string): void
    /** A code or token of one application came from another. */
    onForeign(violation: Violation): void
  },
): ModelProvider {
  const { faults, onFault } = options
  const families: Family[] = []
  const codes = new Map<string, Family>()
  const outages = { until: 0 }
  let exchanges = 0

  const tokensOf = (family: Family) => ({
    access_token: `at-${family.id}-${family.turn}-${family.user}-${family.client}`,
    refresh_token: `rt-${family.id}-${family.turn}`,
    token_type: 'Bearer',
    expires_in: PROVIDER_TTL,
    scope: 'profile',
  })

  const json = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
  const refuse = (error: string) => json({ error }, 400)

  /** Codes and refresh tokens are good for the application that they were issued to only (RFC 6749 §10.4, §10.5). */
  function isForeign(family: Family, client: string): boolean {
    if (family.client === client) return false
    options.onForeign(new Violation('tenants never cross', `${client} shows what ${family.client} got`))
    return true
  }

  function exchange(body: URLSearchParams, client: string): Response {
    const code = body.get('code') ?? ''
    const family = codes.get(code)
    if (!family || isForeign(family, client)) return refuse('invalid_grant')
    if (family.turn > 0) {
      // A code that comes twice ends what the first one gave (RFC 6749 §4.1.2).
      family.alive = false
      family.ended = 'reuse'
      return refuse('invalid_grant')
    }
    family.turn = 1
    exchanges++
    return json(tokensOf(family))
  }

  function refresh(
    body: URLSearchParams,
    client: string,
  ): { family: Family | undefined; response: Response } {
    const [, id, turn] = (body.get('refresh_token') ?? '').split('-')
    const family = families.find((one) => String(one.id) === id)
    if (!family?.alive || isForeign(family, client)) return { family, response: refuse('invalid_grant') }
    if (String(family.turn) !== turn) {
      family.alive = false
      family.ended = 'reuse'
      world.note(`provider ends family ${family.id}: an old refresh token came again`)
      return { family, response: refuse('invalid_grant') }
    }
    family.turn++
    return { family, response: json(tokensOf(family)) }
  }

  function serve(path: string, init: RequestInit): { family?: Family | undefined; response: Response } {
    if (world.now() < outages.until) return { response: json({ error: 'temporarily_unavailable' }, 503) }
    const body = new URLSearchParams(String(init.body ?? ''))
    if (path === '/userinfo') {
      const token = new Headers(init.headers).get('authorization')?.replace(/^Bearer /, '') ?? ''
      const family = families.find((one) => String(one.id) === token.split('-')[1])
      if (!family) return { response: json({}, 401) }
      const { named, client } = family
      // The same person has one subject, whichever application asks.
      return { response: json({ sub: named, email: `${named}@${client}.test` }) }
    }
    if (path === '/revoke') {
      const [, id] = (body.get('token') ?? '').split('-')
      const family = families.find((one) => String(one.id) === id)
      if (family?.alive) {
        family.alive = false
        family.ended = 'revoked'
      }
      return { response: new Response(null, { status: 200 }) }
    }
    const client = clientOf(init)
    if (body.get('grant_type') === 'authorization_code') return { response: exchange(body, client) }
    return refresh(body, client)
  }

  return {
    families,
    outages,
    get exchanges() {
      return exchanges
    },
    personOf(accessToken) {
      const [, , , user, client] = accessToken.split('-')
      return user === undefined ? undefined : personOf(user, client)
    },
    approve(url, user) {
      const params = new URL(url).searchParams
      const family: Family = {
        id: families.length + 1,
        user,
        client: params.get('client_id')!,
        named: user,
        alive: true,
        turn: 0,
        asking: new Set(),
        holder: undefined,
      }
      families.push(family)
      const code = `code-${family.id}`
      codes.set(code, family)
      const callback = new URL(params.get('redirect_uri')!)
      callback.searchParams.set('code', code)
      callback.searchParams.set('state', params.get('state')!)
      return callback.href
    },
    fetch: (caller) => (input, init) =>
      new Promise((resolve, reject) => {
        const path = new URL(input).pathname
        const type = new URLSearchParams(String(init.body ?? '')).get('grant_type') ?? ''
        const id = /refresh_token=rt-(\d+)/.exec(String(init.body ?? ''))?.[1]
        const asked = id === undefined ? undefined : families.find((one) => String(one.id) === id)
        caller.mayCrash()
        if (!caller.alive) return
        asked?.asking.add(caller.name)
        if (asked && asked.asking.size > 1) options.onOverlap(asked, [...asked.asking])
        const finish = () => asked?.asking.delete(caller.name)
        const cut = (why: string) => {
          onFault(why)
          finish()
          reject(new TypeError('fetch failed', { cause: new Error('ECONNRESET') }))
        }
        // The deadline of the product ends the request here, too.
        init.signal?.addEventListener('abort', () => {
          finish()
          reject(init.signal!.reason as Error)
        })
        const asks = { by: caller.name, what: `→ provider ${path} ${type}`.trimEnd() }
        world.schedule(asks, () => {
          if (init.signal?.aborted) return
          if (world.choices.chance(faults().lost)) return cut('provider request lost')
          if (world.choices.chance(faults().outage)) {
            onFault('provider outage')
            outages.until = world.now() + 5000
          }
          const { family, response } = serve(path, init)
          const gives = response.status === 200 && path === '/token'
          if (world.choices.chance(faults().unanswered)) {
            if (gives && family) options.onLost(family, 'the response was lost')
            return cut('provider response lost')
          }
          world.schedule({ by: caller.name, what: `← provider ${path} ${response.status}` }, () => {
            if (init.signal?.aborted) {
              if (gives && family) options.onLost(family, 'the response came too late')
              return
            }
            caller.mayCrash()
            if (!caller.alive && gives && family) options.onLost(family, 'the instance died')
            finish()
            if (gives && family) family.holder = { name: caller.name, failures: 0, since: world.now() }
            if (caller.alive) resolve(response)
          })
        })
      }),
  }
}

export const PROVIDER = {
  authorizationEndpoint: `${ORIGIN}/authorize`,
  tokenEndpoint: `${ORIGIN}/token`,
  userinfoEndpoint: `${ORIGIN}/userinfo`,
  revocationEndpoint: `${ORIGIN}/revoke`,
}
