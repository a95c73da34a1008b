import { sign } from 'node:crypto'
import type { TrustedIssuer } from '../../src/options/trusted-issuers.ts'
import type { Stage } from './actors.ts'
import { ConnectionLost, ISSUER } from './cluster.ts'
import { jwk, secretKey } from './company-keys.ts'
import { Violation } from './ledger.ts'

const CLIENT = { clientId: 'company-app', clientSecret: 'the secret of the app of a company' }
const NAME = 'https://company.test'

/**
 * The options of an instance that trusts the company. An eventually consistent store cannot hold what is checked here, and
 * with tenants no issuer is trusted, because its assertions name none.
 */
export const companyOptions = (consistency: string, tenants: boolean) => ({
  clients: [{ ...CLIENT, redirectUris: ['https://company-app.test/'] }],
  trustedIssuers:
    consistency === 'eventual' || tenants
      ? []
      : [{ issuer: NAME, use: ['id-jag'], jwks: { keys: [jwk] } } satisfies TrustedIssuer],
})

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function mint(sub: string, now: number): string {
  const claims = {
    iss: NAME,
    sub,
    aud: ISSUER,
    client_id: CLIENT.clientId,
    jti: sub,
    iat: now,
    exp: now + 300,
  }
  const body = `${encode({ alg: 'ES256', kid: 'one', typ: 'oauth-id-jag+jwt' })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(body), { key: secretKey, dsaEncoding: 'ieee-p1363' })
  return `${body}.${signature.toString('base64url')}`
}

/** A client that presents each assertion several times: at once, again after a lost response, and much later. */
export async function company(stage: Stage): Promise<void> {
  const { world, cluster, cover } = stage
  for (let round = 0; round < 2; round++) {
    const sub = `person-${round}-${world.choices.pick(1000)}`
    const assertion = mint(sub, Math.floor(world.now() / 1000))
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      assertion,
    }).toString()
    const times = 2 + world.choices.pick(4)
    await Promise.all(
      Array.from({ length: times }, async () => {
        await world.sleep([0, 100, 20_000, 250_000][world.choices.pick(4)]!)
        const headers = { 'content-type': 'application/x-www-form-urlencoded' }
        try {
          const request = new Request(`${ISSUER}/token`, { method: 'POST', headers, body })
          cover(`present ${(await cluster.send(request, 'present')).status}`)
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error
        }
      }),
    )
  }
}

/** Counts the tokens for each person. Each has one assertion, so a second token is a violation. */
export function createTally(): (event: {
  type: string
  user?: string | undefined
  detail?: string | undefined
}) => void {
  const tokens = new Map<string, number>()
  return ({ type, user = '', detail }) => {
    if (type !== 'issued' || !detail?.startsWith('ID-JAG')) return
    const count = (tokens.get(user) ?? 0) + 1
    tokens.set(user, count)
    if (count > 1) throw new Violation('an assertion yields one token', `${count} tokens`)
  }
}
