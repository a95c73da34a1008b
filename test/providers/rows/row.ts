import type { Provider } from 'lockgate/providers/define'
import type { RegisteredClient } from '../../support/imitation/client-proof.ts'
import type { Person, Profile, Refusal, Reply, Sources } from '../../support/imitation/profile.ts'
import { CLIENT } from '../../support/imitation/system.ts'

/** One provider in front of its imitation. */
export interface Row {
  /** The file of `src/providers`, with a note if it has several rows. */
  readonly name: string
  readonly provider: Provider
  readonly profile: Profile
  /** The facts about Ada that the MCP server must get. */
  readonly tells: {
    email?: string | undefined
    emailVerified: boolean
    name?: string | undefined
    claims?: object
  }
  /** A rule of `allow` that every user of the imitation meets, and one that no user meets. */
  readonly groups?: {
    readonly in: string
    readonly out: string
    /** Claims that the ID token needs for it. */
    readonly claims?: object
  }
  /** Every sign-in is the same user, because the provider names only the account. */
  readonly sameUser?: boolean
  /** Its peculiarities, for the report. */
  readonly quirks?: string
  readonly client?: RegisteredClient
}

export const credentials = { clientId: CLIENT.id, clientSecret: CLIENT.secret }
const ada = { email: 'ada@example.com', name: 'Name of ada' }
export const verified = { ...ada, emailVerified: true }
export const unverified = { ...ada, emailVerified: false }
export const GUID = '11111111-2222-4333-8444-555555555555'

/** A client whose secret has every character that needs an encoding, for servers that decode it. */
export const ODD_CLIENT: RegisteredClient = { ...CLIENT, secret: 'a-secret_with.odd~signs:+% &ü/=' }

export const json = (body: unknown, status = 200): Reply => ({ body, status })
export const claimsOf = ({ name, email }: Person) => ({ name, email, email_verified: true })

/** A refusal as RFC 6749 §5.2 has it. */
export const refused = (error: string, description?: string, status = 400): Reply => ({
  status,
  body: { error, ...(description !== undefined && { error_description: description }) },
})

export const final = (reply: Reply, source: string): Refusal => ({ reply, means: 'final', source })
export const transient = (reply: Reply, source: string): Refusal => ({ reply, means: 'transient', source })
export const configuration = (reply: Reply, source: string): Refusal => ({
  reply,
  means: 'configuration',
  source,
})

export const RFC = 'https://www.rfc-editor.org/rfc/rfc6749#section-5.2'

type Own = Partial<Omit<Profile, 'openid'>> & {
  readonly claims?: (person: Person) => object
  readonly openid?: Partial<NonNullable<Profile['openid']>>
}

/** A provider with OpenID Connect whose document was captured: its endpoints are those of the document. */
export function captured(
  document: Readonly<Record<string, unknown>>,
  sources: Sources,
  { claims = claimsOf, openid, ...own }: Own & { readonly url?: string } = {},
): Profile {
  const text = (name: string) => document[name] as string | undefined
  const { url, ...rest } = own
  const issuer = text('issuer')!
  const userinfo = text('userinfo_endpoint')
  const revoke = text('revocation_endpoint')
  return {
    sources,
    authorize: text('authorization_endpoint')!,
    token: text('token_endpoint')!,
    ...(revoke && { revoke: { url: revoke, style: 'rfc7009' } }),
    auth: 'basic',
    pkce: 'checked',
    refreshes: 'silent',
    openid: {
      discovery: url ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      document,
      issuer,
      claims: (person) => ({ ...claims(person) }),
      ...openid,
    },
    ...(userinfo && {
      api: { [`GET ${userinfo}`]: (person: Person) => json({ sub: person.id, ...claims(person) }) },
    }),
    ...rest,
  }
}

/** A provider with OpenID Connect whose document is written by the imitation. */
export function assumed(
  issuer: string,
  sources: Sources,
  own: Own & { readonly discovery?: string; readonly paths?: readonly string[] } = {},
): Profile {
  const {
    discovery,
    paths = ['/authorize', '/token', '/revoke', '/userinfo'],
    claims = claimsOf,
    openid,
    ...rest
  } = own
  const root = issuer.replace(/\/$/, '')
  const [authorize, token, revoke, me] = paths.map((path) =>
    path === '' || path.startsWith('https:') ? path : root + path,
  )
  return {
    sources,
    authorize: authorize!,
    token: token!,
    ...(revoke && { revoke: { url: revoke, style: 'rfc7009' } }),
    auth: 'basic',
    pkce: 'required',
    refreshes: 'silent',
    openid: {
      discovery: discovery ?? `${root}/.well-known/openid-configuration`,
      issuer,
      claims: (person) => ({ ...claims(person) }),
      ...openid,
    },
    ...(me && {
      api: {
        [`GET ${me}`]: (person: Person) => json({ sub: person.id, ...claimsOf(person), ...claims(person) }),
      },
    }),
    ...rest,
  }
}
