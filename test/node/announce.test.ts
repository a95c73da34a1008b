import { serve } from 'lockgate/node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'

afterEach(() => vi.restoreAllMocks())

const proxyAt = (issuer?: string) => ({ fetch: async () => new Response(), ...(issuer && { issuer }) })

/** Returns what `serve` prints, for a proxy with this public address. */
async function printed(issuer: string | undefined, port: number): Promise<unknown[][]> {
  const lines = vi.spyOn(console, 'info').mockImplementation(() => {})
  const served = await serve(proxyAt(issuer) as never, { port })
  await served.close(true)
  return lines.mock.calls
}

describe('serve', () => {
  test('says in one line where it listens, and under which public address', async () => {
    const port = await freePort()
    expect(await printed('https://mcp.example.com', port)).toEqual([
      [`Lockgate listens on http://127.0.0.1:${port} as https://mcp.example.com`],
    ])
  })

  test('does not say the same address twice', async () => {
    const port = await freePort()
    const line = [`Lockgate listens on http://127.0.0.1:${port}`]
    expect(await printed(`http://127.0.0.1:${port}`, port)).toEqual([line])
  })

  test('says it after its caller has gone on, who then listens to signals already', async () => {
    const order: string[] = []
    const served = await serve(proxyAt() as never, { port: 0, onListen: () => order.push('told') })
    order.push('returned')
    await served.close(true)
    expect(order).toEqual(['returned', 'told'])
  })

  test('leaves that to a listener', async () => {
    const lines = vi.spyOn(console, 'info').mockImplementation(() => {})
    const told: string[] = []
    const served = await serve(proxyAt() as never, { port: 0, onListen: (url) => told.push(url) })
    await served.close(true)
    expect(told).toEqual([served.url])
    expect(lines).not.toHaveBeenCalled()
  })
})
