import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { signInAtProvider } from '../support/provider.ts'

/**
 * Signs in with the client of the MCP SDK and calls a tool.
 *
 * @param login Fields for a sign-in page that is not the one of the test provider.
 * @returns The text that the tool returned.
 */
export async function callTool(
  url: string,
  { login, tool = 'echo' }: { login?: Record<string, string>; tool?: string } = {},
): Promise<string> {
  const browser = new Browser()
  const keeper: SignedInClient = new SignedInClient(async (address) => {
    const stopAt = keeper.redirectUrl
    const consent = asPage(await browser.open(address.href))
    const page = asPage(await browser.submit(consent, { decision: 'allow' }))
    if (!login) return asUrl(await signInAtProvider(browser, page, { stopAt }))
    const next = await browser.submit(page, login, { stopAt })
    return asUrl(typeof next === 'string' ? next : await browser.submit(next, {}, { stopAt }))
  })
  const { client } = await connectV1(url, keeper)
  const result = await client.callTool({ name: tool, arguments: { message: 'hello' } })
  await client.close()
  const [content] = result.content as { text: string }[]
  return content?.text ?? ''
}
