import type * as Core from 'lockgate'
import type * as OAuth2 from 'lockgate/providers/oauth2'
import type * as Memory from 'lockgate/storage/memory'
import {
  answer,
  answered,
  authorizeQuery,
  cookiesOf,
  expectStatus,
  form,
  redeemAt,
  refreshAt,
  registerAt,
  type Send,
  type Session,
  type Subject,
  upstream,
} from './subject.ts'

/** What of the package is measured. */
export type Modules = Pick<typeof Core, 'createProxy'> &
  Pick<typeof OAuth2, 'oauth2'> &
  Pick<typeof Memory, 'memory'>

/** The built package, as users get it: of the sources, what a loader makes of them would be measured. */
export async function builtModules(): Promise<Modules> {
  const load = (path: string) => import(new URL(`../../../dist/${path}.js`, import.meta.url).href)
  return Object.assign(
    {},
    ...(await Promise.all([load('index'), load('providers/oauth2'), load('storage/memory')])),
  ) as Modules
}

export const SECRET = 'a secret of the benchmark, long enough to be one'

/** @param storage In memory by default. */
export async function lockgate(
  origin: string,
  modules?: Modules,
  storage?: Core.Store,
  options: Partial<Core.ProxyOptions> = {},
): Promise<Subject> {
  const { createProxy, oauth2, memory } = modules ?? (await builtModules())
  const store = storage ?? memory()
  const start = (): Core.OAuthProxy =>
    createProxy({
      url: origin,
      secret: SECRET,
      storage: store,
      upstream: oauth2({
        clientId: 'client',
        clientSecret: 'secret',
        issuer: 'https://provider.example.com',
        authorizationEndpoint: 'https://provider.example.com/authorize',
        tokenEndpoint: 'https://provider.example.com/token',
        userinfoEndpoint: 'https://provider.example.com/user',
        identity: { subject: 'id' },
      }),
      mcp: answer,
      // They count as always, and are never reached.
      limits: { address: 1e9, client: 1e9, user: 1e9, failures: 1e9 },
      fetch: upstream,
      ...options,
    })
  let proxy = start()
  const twin = start()
  return {
    name: 'lockgate',
    resource: `${origin}/mcp`,
    fetch: (request) => proxy.fetch(request),
    register: (send) => registerAt(origin, send),
    signIn: (send, clientId) => signIn(origin, send, clientId),
    refresh: (send, session) => refreshAt(origin, send, session),
    restart() {
      proxy = start()
    },
    twin: (request) => twin.fetch(request),
  }
}

/** Consent, the way to the provider and back, and the exchange of the code. */
async function signIn(origin: string, send: Send, clientId: string): Promise<Session> {
  const asked = await send(new Request(`${origin}/authorize?${authorizeQuery(origin, clientId)}`))
  const page = await (await expectStatus(asked, 200)).text()
  const fields = { request: /name="request" value="([^"]+)"/.exec(page)![1]!, decision: 'allow' }
  const headers = { cookie: cookiesOf(asked), origin }
  const approved = await expectStatus(await send(form(`${origin}/consent`, fields, headers)), 303)
  const back = new Request(`${origin}/callback?code=upstream-code&state=${answered(approved, 'state')}`, {
    headers: { cookie: cookiesOf(approved) },
  })
  let returned = await send(back)
  // On http loopback the browser takes one more step.
  if (returned.status === 200) {
    const finish = await returned.text()
    const answer = /name="answer" value="([^"]+)"/.exec(finish)![1]!
    const action = /action="([^"]+)"/.exec(finish)![1]!
    const cookie = [cookiesOf(approved), cookiesOf(returned)].filter(Boolean).join('; ')
    returned = await send(form(`${origin}${action}`, { answer }, { cookie, origin }))
  }
  await expectStatus(returned, 303)
  return redeemAt(origin, send, clientId, answered(returned, 'code'))
}
