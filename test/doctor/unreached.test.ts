import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createProbe } from '../../adapters/doctor/probe.ts'
import { whyNot } from '../../adapters/doctor/unreached.ts'
import { createForwardFetch, readForwardProxies } from '../../adapters/outbound/forward-proxy.ts'
import { StatedError } from '../../src/internal.ts'
import { freePort } from '../support/free-port.ts'

const direct = (url: string, init: RequestInit) => fetch(url, init)
const causeOf = (sent: Promise<unknown>) =>
  sent.then(
    () => 'a response',
    (error: unknown) => whyNot(error),
  )

describe('the cause of a request without a response is', () => {
  test('the code of the connection', async () => {
    expect(await causeOf(fetch(`http://127.0.0.1:${await freePort()}/`))).toBe(
      'ECONNREFUSED: no server listens there',
    )
    expect(await causeOf(fetch('http://no-such-host.invalid/'))).toMatch(
      /^(ENOTFOUND: there is no such host name|EAI_AGAIN: the name server does not respond)$/,
    )
  })

  test('a server that speaks HTTP where TLS is expected', async () => {
    const plain = createServer(() => {})
    await new Promise<void>((done) => plain.listen(0, '127.0.0.1', done))
    const url = `https://127.0.0.1:${(plain.address() as AddressInfo).port}/`
    expect(await causeOf(fetch(url))).toMatch(/^ERR_SSL_\w+: it does not speak TLS; use http$/)
    plain.close()
  })

  test('the time that is over', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    expect(await causeOf(fetch(url, { signal: AbortSignal.timeout(50) }))).toBe('no answer in time')
    silent.closeAllConnections()
    silent.close()
  })

  test.each([1, 6000, 6667, 10_080])('a port that no client may use: %i', async (port) => {
    const text = 'a port that browsers and `fetch` refuse: choose another one'
    expect(await causeOf(fetch(`http://127.0.0.1:${port}/`))).toBe(text)
    const probe = createProbe({ fetch: direct, timeout: 1000, agent: 'test' })
    expect(await probe.send(`http://127.0.0.1:${port}/mcp`)).toMatchObject({ status: 0, error: text })
  })

  test('the status of a proxy on the way', async () => {
    const proxy = createServer()
    proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n'))
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const through = createForwardFetch(readForwardProxies({ HTTPS_PROXY: address })!, direct)
    expect(await causeOf(through('https://id.example.com/', {}))).toContain('407')
    proxy.closeAllConnections()
    proxy.close()
  })

  test('a message of this package says more than the code below it', () => {
    const cause = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
    expect(whyNot(new StatedError('a sentence', { cause }))).toBe('a sentence')
  })

  test('the variable whose proxy has no usable address', async () => {
    const through = createForwardFetch(readForwardProxies({ HTTPS_PROXY: 'proxy:3128' })!, direct)
    expect(await causeOf(through('https://id.example.com/', {}))).toMatch(/^HTTPS_PROXY has no scheme/)
  })
})
