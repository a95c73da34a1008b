import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { startProvider, type TestProvider } from './provider.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'

/** The parameters of one exchange, each with all its values. */
export type Asked = Readonly<Record<string, string | readonly string[] | undefined>>

/** A provider that exchanges tokens. The grant type is ours; client authentication and tokens are its own. */
export interface ExchangeProvider extends TestProvider {
  /** The exchanges that it was asked for. */
  readonly exchanges: { readonly params: Asked; readonly client: string }[]
  /** The next exchanges get these members in their responses instead. */
  answer: Record<string, unknown> | undefined
  /** The lifetime of exchanged tokens, in seconds. */
  life: number
}

const PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
  'actor_token',
  'actor_token_type',
  'assertion',
  'requested_token_use',
]

/** @param options.idJag Makes the identity assertion that an exchange for one returns. */
export async function startExchangeProvider(options: {
  redirectUris: string[]
  accessTokenTtl?: number
  idJag?: (about: { subject: string; client: string; params: Asked }) => Promise<string>
}): Promise<ExchangeProvider> {
  const exchanges: ExchangeProvider['exchanges'] = []
  const state = { answer: undefined as Record<string, unknown> | undefined, life: 600 }

  async function exchange(ctx: KoaContextWithOIDC, subjectToken: string | undefined, kind: string) {
    const { client, params, provider } = ctx.oidc
    exchanges.push({ params: { ...(params as Asked) }, client: client!.clientId })
    if (state.answer) {
      ctx.body = state.answer
      return
    }
    const account = await accountOf(provider, subjectToken ?? '', kind)
    if (account === undefined) throw new errors.InvalidGrant('the subject token is not active')
    if (params?.requested_token_type === `${TOKEN_TYPE}id-jag`) {
      const about = { subject: account, client: client!.clientId, params: params as Asked }
      const token = await options.idJag!(about)
      ctx.body = {
        access_token: token,
        issued_token_type: `${TOKEN_TYPE}id-jag`,
        token_type: 'N_A',
        expires_in: 300,
      }
      return
    }
    const { AccessToken } = provider
    const token = new AccessToken({
      client: client!,
      accountId: account,
      scope: String(params?.scope ?? ''),
      grantId: 'exchanged',
      gty: 'exchange',
    } as never)
    ctx.body = {
      access_token: await token.save(),
      token_type: 'Bearer',
      expires_in: state.life,
      ...(kind !== 'assertion' && { issued_token_type: `${TOKEN_TYPE}access_token` }),
    }
  }

  const client = (id: string, secret: string, redirectUris: string[]) => ({
    client_id: id,
    client_secret: secret,
    redirect_uris: redirectUris,
    grant_types: [
      ...(redirectUris.length > 0 ? ['authorization_code', 'refresh_token'] : []),
      'client_credentials',
      TOKEN_EXCHANGE,
      JWT_BEARER,
    ],
    response_types: redirectUris.length > 0 ? ['code' as const] : [],
  })
  const provider = await startProvider({
    ...options,
    configuration: {
      clients: [
        client('proxy', 'proxy-secret-of-the-test-provider', options.redirectUris),
        client('exchanger', 'the secret of another client', []),
      ],
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        revocation: { enabled: true, allowedPolicy: (_ctx, one, token) => token.clientId === one.clientId },
      },
    },
    setup(one) {
      const many = ['audience', 'resource']
      one.registerGrantType(
        TOKEN_EXCHANGE,
        async (ctx) => {
          const { subject_token: token, subject_token_type: type } = ctx.oidc.params as Record<string, string>
          await exchange(ctx, token, String(type).replace(TOKEN_TYPE, ''))
        },
        PARAMETERS,
        many,
      )
      one.registerGrantType(
        JWT_BEARER,
        async (ctx) => {
          await exchange(ctx, (ctx.oidc.params as Record<string, string>).assertion, 'assertion')
        },
        PARAMETERS,
        many,
      )
    },
  })
  return Object.defineProperties(provider, {
    exchanges: { value: exchanges },
    answer: { get: () => state.answer, set: (answer) => Object.assign(state, { answer }) },
    life: { get: () => state.life, set: (life) => Object.assign(state, { life }) },
  }) as ExchangeProvider
}

async function accountOf(provider: Provider, token: string, kind: string): Promise<string | undefined> {
  if (kind === 'id_token') {
    const [, body = ''] = token.split('.')
    const { sub, exp } = JSON.parse(Buffer.from(body, 'base64url').toString() || '{}') as {
      sub?: string
      exp?: number
    }
    return (exp ?? 0) > Date.now() / 1000 ? sub : undefined
  }
  const found =
    kind === 'refresh_token'
      ? await provider.RefreshToken.find(token)
      : await provider.AccessToken.find(token)
  return found?.accountId
}
