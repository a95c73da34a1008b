import { asPage, asUrl, Browser } from '../../test/support/browser.ts'
import { connectV1, SignedInClient } from '../../test/support/client-v1.ts'
import { signInAtProvider } from '../../test/support/provider.ts'

/** What each step found, in words; throws where it is not what it should be. */
type Step = () => Promise<string>

function expect(condition: unknown, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}

const json = async (url: string): Promise<Record<string, unknown>> => (await fetch(url)).json()

/** A whole sign-in by the real client, from the first 401 to the last. @returns Whether every step held. */
export async function check(mcpUrl: string, providerIssuer: string): Promise<boolean> {
  const browser = new Browser()
  const said: string[] = []
  const client: SignedInClient = new SignedInClient(async (url) => {
    const consent = asPage(await browser.open(url.href))
    said.push(`consent page: “${consent.document.querySelector('h1')?.text}”`)
    const stopAt = client.redirectUrl
    const login = asPage(await browser.submit(consent, { decision: 'allow' }))
    expect(login.url.startsWith(providerIssuer), `allowing led to ${login.url}, not to the provider`)
    said.push(`the provider’s own sign-in form at ${new URL(login.url).origin}`)
    return asUrl(await signInAtProvider(browser, login, { stopAt }))
  })
  let metadata: Record<string, unknown> = {}
  let connection: Awaited<ReturnType<typeof connectV1>>

  const token = async (params: Record<string, string>): Promise<Response> => {
    const body = new URLSearchParams({ client_id: client.information!.client_id, ...params })
    return fetch(String(metadata.token_endpoint), { method: 'POST', body })
  }
  const guarded = async (accessToken: string): Promise<number> => {
    const headers = { authorization: `Bearer ${accessToken}`, accept: 'text/event-stream' }
    const response = await fetch(mcpUrl, { headers })
    await response.body?.cancel()
    return response.status
  }

  const steps: Record<string, Step> = {
    'no token': async () => {
      const response = await fetch(mcpUrl, { method: 'POST', body: '{}' })
      const challenge = response.headers.get('www-authenticate') ?? ''
      expect(
        response.status === 401 && challenge.startsWith('Bearer '),
        `got ${response.status} ${challenge}`,
      )
      return challenge
    },
    discovery: async () => {
      const { origin, pathname } = new URL(mcpUrl)
      const resource = await json(`${origin}/.well-known/oauth-protected-resource${pathname}`)
      expect(resource.resource === mcpUrl, `metadata is about ${resource.resource}`)
      const [issuer] = resource.authorization_servers as string[]
      metadata = await json(`${issuer}/.well-known/oauth-authorization-server`)
      expect(metadata.issuer === issuer, `issuer is ${metadata.issuer}`)
      return `${issuer}: ${Object.keys(metadata).length} members`
    },
    'registration, consent, sign-in, code, token': async () => {
      connection = await connectV1(mcpUrl, client)
      expect(client.authorizations === 1, `the client asked ${client.authorizations} times`)
      expect(client.answer?.searchParams.get('iss') === metadata.issuer, 'iss is missing in the answer')
      expect(client.saved?.refresh_token, 'no refresh token')
      return `${said.join('; ')}; token for “${client.saved.scope}”`
    },
    'tools/list': async () => {
      const { tools } = await connection.client.listTools()
      expect(tools.length > 0, 'no tools')
      return `${tools.length} tools`
    },
    'tools/call': async () => {
      const result = await connection.client.callTool({
        name: 'echo',
        arguments: { message: 'through the lock' },
      })
      const text = JSON.stringify(result.content)
      expect(text.includes('through the lock'), text)
      return text
    },
    refresh: async () => {
      const before = client.saved!
      const response = await token({ grant_type: 'refresh_token', refresh_token: before.refresh_token! })
      expect(response.status === 200, `got ${response.status}`)
      client.saved = (await response.json()) as typeof before
      expect(client.saved.refresh_token !== before.refresh_token, 'the refresh token was not rotated')
      const { tools } = await connection.client.listTools()
      return `rotated; ${tools.length} tools with the new token`
    },
    revoke: async () => {
      const { information, saved } = client
      const body = new URLSearchParams({ client_id: information!.client_id, token: saved!.refresh_token! })
      const response = await fetch(String(metadata.revocation_endpoint), { method: 'POST', body })
      expect(response.status === 200, `got ${response.status}`)
      return '200'
    },
    'after it': async () => {
      const { access_token: access, refresh_token: refresh } = client.saved!
      const status = await guarded(access)
      expect(status === 401, `the access token still gets ${status}`)
      const response = await token({ grant_type: 'refresh_token', refresh_token: refresh! })
      const { error } = (await response.json()) as { error: string }
      expect(
        response.status === 400 && error === 'invalid_grant',
        `refreshing gets ${response.status} ${error}`,
      )
      return '401 at the MCP server, invalid_grant at the token endpoint'
    },
  }

  for (const [name, step] of Object.entries(steps)) {
    try {
      console.log(`ok    ${name}: ${await step()}`)
    } catch (error) {
      console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : error}`)
      return false
    }
  }
  return true
}
