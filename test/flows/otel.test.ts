import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { context, propagation, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { OAuthProxy, ProxyEvent } from 'lockgate'
import { serve } from 'lockgate/node'
import { openTelemetry } from 'lockgate/otel'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider } from '../support/provider.ts'
import { connect, guarded, type StartedSystem, startSystem } from '../support/system.ts'

/** The SDK itself, as an application registers it; only where it exports to is in memory. */
const spans = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
const figures = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 3_600_000 })
const meterProvider = new MeterProvider({ readers: [reader] })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  )
})
afterAll(async () => {
  context.disable()
  propagation.disable()
  await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()])
})

let system: StartedSystem
const events: ProxyEvent[] = []
const sent: { url: string; headers: Headers }[] = []
afterEach(async () => {
  await system.close()
  spans.reset()
  events.length = 0
  sent.length = 0
})

async function start(
  options: Parameters<typeof startSystem>[0] & { continueTraces?: boolean; forwardsItself?: boolean } = {},
): Promise<OAuthProxy> {
  const { continueTraces = false, forwardsItself = false, ...own } = options
  const telemetry = openTelemetry({
    tracerProvider,
    meterProvider,
    continueTraces,
    fetch(input, init) {
      sent.push({ url: input, headers: new Headers(init.headers) })
      return fetch(input, init)
    },
  })
  system = await startSystem({
    ...own,
    fetch: forwardsItself ? { provider: telemetry.fetch } : telemetry.fetch,
    on: { event: [telemetry.event, (event) => events.push(event)] },
  })
  return telemetry.instrument(system.proxy)
}

const named = (name: string) => spans.getFinishedSpans().filter((span) => span.name === name)
const parentOf = (span: ReadableSpan) =>
  spans.getFinishedSpans().find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId)

async function metricsNow() {
  await reader.forceFlush()
  const all = figures
    .getMetrics()
    .at(-1)!
    .scopeMetrics.flatMap(({ metrics }) => metrics)
  const points = (name: string) => all.find(({ descriptor }) => descriptor.name === name)!.dataPoints
  return { points, text: JSON.stringify(all) }
}

test('a whole sign-in and a tool call by a real client, in spans and figures that name no secret', async () => {
  const mcp = await startMcpServer()
  const port = await freePort()
  const proxy = await start({ url: `http://localhost:${port}`, mcp: mcp.url })
  const server = await serve(proxy, { port })
  const client: SignedInClient = new SignedInClient(async (url) => {
    const browser = new Browser()
    const stopAt = client.redirectUrl
    const consent = asPage(await browser.open(url.href))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
    return asUrl(await signInAtProvider(browser, login, { stopAt }))
  })
  const { client: connected } = await connectV1(`http://localhost:${port}/mcp`, client)
  await connected.callTool({ name: 'echo', arguments: { message: 'one' } })
  await connected.close()
  await Promise.all([server.close(true), mcp.close()])

  for (const name of ['POST /register', 'GET /authorize', 'POST /consent', 'GET /callback', 'POST /token']) {
    expect(named(name), name).toHaveLength(1)
    expect(named(name)[0]).toMatchObject({ kind: SpanKind.SERVER, status: { code: SpanStatusCode.UNSET } })
  }
  const [callback] = named('GET /callback')
  expect(callback!.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.route': '/callback',
    'url.scheme': 'http',
    // On loopback the callback is a page with one more step.
    'http.response.status_code': 200,
    'lockgate.user': expect.any(String),
    'lockgate.grant': expect.any(String),
  })
  expect(callback!.events.map(({ name }) => name)).toEqual(['lockgate.signed-in'])
  const exchange = spans.getFinishedSpans().filter((span) => parentOf(span) === callback)
  expect(exchange.map(({ kind }) => kind)).toContain(SpanKind.CLIENT)

  const forwarded = spans
    .getFinishedSpans()
    .filter((span) => span.kind === SpanKind.CLIENT && parentOf(span)?.name === 'POST /mcp')
  expect(forwarded.length).toBeGreaterThan(2)
  const toServer = sent.filter(({ url }) => url.startsWith(mcp.url))
  for (const { headers } of toServer) {
    const [, traceId, spanId] = headers.get('traceparent')!.split('-')
    const span = spans.getFinishedSpans().find((one) => one.spanContext().spanId === spanId)!
    expect([span.kind, span.spanContext().traceId]).toEqual([SpanKind.CLIENT, traceId])
  }
  const elsewhere = sent.filter(({ url }) => !url.startsWith(mcp.url))
  expect(elsewhere.length).toBeGreaterThan(1)
  for (const { headers } of elsewhere)
    expect(headers.has('traceparent'), 'a provider learns of no trace').toBe(false)

  const { points, text } = await metricsNow()
  const count = (type: string) =>
    points('lockgate.events').find(({ attributes }) => attributes['lockgate.type'] === type)?.value
  expect(['registered', 'consented', 'signed-in', 'issued'].map(count)).toEqual([1, 1, 1, 1])
  const durations = points('http.server.request.duration')
  expect(durations.map(({ attributes }) => attributes['http.route'])).toEqual(
    expect.arrayContaining(['/mcp', '/token', '/callback', '/authorize']),
  )

  const everything = JSON.stringify(
    spans.getFinishedSpans().map(({ name, attributes, events, links, status }) => ({
      name,
      attributes,
      events,
      links,
      status,
    })),
  )
  const { access_token: access, refresh_token: refresh } = client.saved!
  const secrets = [
    access,
    refresh!,
    client.answer!.searchParams.get('code')!,
    callback!.attributes['lockgate.grant'] as string,
    system.provider.clientSecret,
    'ada@example.com',
  ]
  for (const secret of secrets) expect(text).not.toContain(secret)
  secrets.splice(3, 1)
  for (const secret of secrets) expect(everything).not.toContain(secret)
  for (const name of ['code=', 'state=', 'cookie']) expect(everything.toLowerCase()).not.toContain(name)
  for (const { user, client: key, requestId } of events) {
    for (const id of [user, key, requestId]) if (id !== undefined) expect(text).not.toContain(id)
  }
})

const THEIRS = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  baggage: 'their=own',
}

test.each([
  [false, 'begins here, with a link to theirs'],
  [true, 'goes on where that is wanted'],
])('the trace of whoever calls (continued: %s) %s', async (continueTraces) => {
  const mcp = await startMcpServer()
  const proxy = await start({ mcp: mcp.url, continueTraces })
  const { tokens } = await connect(system)
  spans.reset()
  sent.length = 0
  await proxy.fetch(
    new Request(system.mcp, {
      method: 'POST',
      body: '{}',
      headers: {
        ...THEIRS,
        authorization: `Bearer ${tokens.access_token}`,
        'content-type': 'application/json',
      },
    }),
  )
  await mcp.close()
  const [span] = named('POST /mcp')
  const theirs = { traceId: THEIRS.traceparent.split('-')[1], spanId: THEIRS.traceparent.split('-')[2] }
  expect(span!.spanContext().traceId === theirs.traceId).toBe(continueTraces)
  expect(span!.parentSpanContext?.spanId).toBe(continueTraces ? theirs.spanId : undefined)
  expect(span!.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId }))).toEqual(
    continueTraces ? [] : [theirs],
  )
  const { headers } = sent[0]!
  expect(headers.get('traceparent')!.split('-')[1]).toBe(span!.spanContext().traceId)
  expect(headers.get('baggage')).toBe(continueTraces ? 'their=own' : null)
})

test('a request that Node forwards by its own means has the same spans, and its trace reaches the MCP server', async () => {
  const behind = createServer((message, outgoing) => outgoing.end(JSON.stringify(message.headers)))
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
  const port = await freePort()
  const mcp = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/mcp`
  const proxy = await start({ url: `http://localhost:${port}`, mcp, forwardsItself: true })
  const server = await serve(proxy, { port })
  const { tokens } = await connect(system)
  spans.reset()
  const send = (token: string) =>
    fetch(system.mcp, {
      method: 'POST',
      body: '{}',
      headers: { ...THEIRS, authorization: `Bearer ${token}` },
    })
  const headers = (await (await send(tokens.access_token)).json()) as Record<string, string>
  behind.closeAllConnections()
  behind.close()
  expect((await send(tokens.access_token)).status).toBe(502)
  expect((await send('none')).status).toBe(401)
  await server.close(true)
  const [forwarded, failed, refused] = named('POST /mcp')
  expect(forwarded!.attributes).toMatchObject({ 'http.route': '/mcp', 'http.response.status_code': 200 })
  expect(forwarded!.events.map(({ name }) => name)).toEqual(['lockgate.forwarded'])
  expect(failed).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    events: [{ name: 'lockgate.failed', attributes: { 'lockgate.reason': 'mcp-server-unreachable' } }],
  })
  expect(refused!.attributes['http.response.status_code']).toBe(401)
  const [sent, unsent] = named('POST')
  expect([parentOf(sent!), parentOf(unsent!)]).toEqual([forwarded, failed])
  expect(unsent!.status.code).toBe(SpanStatusCode.ERROR)
  const { traceId, spanId } = sent!.spanContext()
  expect(headers.traceparent).toBe(`00-${traceId}-${spanId}-01`)
  expect(headers).not.toHaveProperty('baggage')
})

test('tools are labels with bounds: a hundred names at most, of tools that have succeeded, and in no name of a span', async () => {
  const proxy = await start({
    mcp: {
      audit: true,
      handler: async (request) => {
        const { id, params } = (await request.json()) as { id: number; params: { name: string } }
        const isError = params.name.startsWith('made-up')
        const outcome = params.name === 'made-up-1' ? { error: { code: 1 } } : { result: { isError } }
        return Response.json({ jsonrpc: '2.0', id, ...outcome })
      },
    },
  })
  const { tokens } = await connect(system)
  const before = await toolsNow()
  spans.reset()
  const call = async (name: string) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
    const headers = { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' }
    await (await proxy.fetch(new Request(system.mcp, { method: 'POST', body, headers }))).text()
  }
  const long = 'x'.repeat(5000)
  for (const name of ['echo', 'echo', 'made-up-1', 'made-up-2', `made-up-${long}`, 'a name with spaces'])
    await call(name)
  for (let n = 0; n < 110; n++) await call(`tool-${n}`)
  expect(before).toEqual(new Map())
  const tools = await toolsNow()
  expect(tools.get('echo')).toBe(2)
  expect(tools.size).toBe(101)
  expect(
    [...tools.values()].reduce((sum, one) => sum + one),
    'a name that is no line of print is no label',
  ).toBe(114)
  expect([...tools.keys()].filter((name) => name.startsWith('made-up'))).toEqual([])
  const finished = spans.getFinishedSpans()
  expect([...new Set(finished.map(({ name }) => name))]).toEqual(['POST /mcp'])
  expect(JSON.stringify(finished.map(({ attributes, events }) => [attributes, events]))).not.toContain(long)
  const actions = finished.map(({ attributes }) => attributes['lockgate.action'])
  expect(actions).toContain('tools/call echo')
  for (const action of actions) expect(action).toMatch(/^tools\/call( [\w./-]{1,128})?$/)
})

/** The calls so far, by the label of their tool. */
async function toolsNow(): Promise<Map<string, number>> {
  const { points } = await metricsNow()
  const calls = points('lockgate.events').filter(({ attributes }) => attributes['lockgate.type'] === 'called')
  const tools = new Map<string, number>()
  for (const { attributes, value } of calls) {
    const name = attributes['lockgate.tool'] as string | undefined
    if (name !== undefined) tools.set(name, (tools.get(name) ?? 0) + (value as number))
  }
  return tools
}

test('a failure is one, a refusal is none', async () => {
  const proxy = await start({ mcp: 'http://127.0.0.1:9/mcp' })
  const { tokens } = await connect(system)
  spans.reset()
  const ask = (token: string) =>
    proxy.fetch(new Request(system.mcp, { headers: { authorization: `Bearer ${token}` } }))
  expect([(await ask(tokens.access_token)).status, (await ask('none')).status]).toEqual([502, 401])
  const [failed, refused] = named('GET /mcp')
  expect(failed).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': '502', 'http.response.status_code': 502 },
  })
  expect(failed!.events[0]).toMatchObject({
    name: 'lockgate.failed',
    attributes: { 'lockgate.reason': 'mcp-server-unreachable', 'lockgate.user': expect.any(String) },
  })
  const [outgoing] = named('GET')
  expect(outgoing).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': 'TypeError' },
  })
  expect(refused).toMatchObject({ status: { code: SpanStatusCode.UNSET } })
  expect(refused!.events[0]!.attributes).toMatchObject({ 'lockgate.reason': 'unknown-token' })
})

test.each([
  ['/mcp', 'POST', 'POST'],
  ['/base/mcp', 'POST', 'POST /base/mcp'],
  ['/base/mcp/below', 'POST', 'POST /base/mcp'],
  ['/base/mcpx', 'GET', 'GET'],
  ['/base/register/a-very-long-id', 'GET', 'GET'],
  ['/base/callback/github?code=secret', 'GET', 'GET /base/callback/:provider'],
  [
    '/.well-known/oauth-protected-resource/base/mcp',
    'GET',
    'GET /.well-known/oauth-protected-resource/base/mcp',
  ],
  ['/wp-login.php', 'GET', 'GET'],
  ['/base/token', 'BREW', 'HTTP /base/token'],
])('%s by %s is the span %s: made-up addresses make no names', async (path, method, name) => {
  const proxy = await start({ url: 'http://localhost:8787/base' })
  spans.reset()
  await proxy.fetch(new Request(`http://localhost:8787${path}`, { method }))
  expect(spans.getFinishedSpans().map((span) => span.name)).toEqual([name])
})

test('without an SDK it does nothing, and answers the same', async () => {
  context.disable()
  system = await startSystem()
  const telemetry = openTelemetry()
  const proxy = telemetry.instrument(system.proxy)
  const { tokens } = await connect(system)
  const request = () =>
    new Request(system.mcp, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  expect(await (await proxy.fetch(request())).json()).toEqual(
    await (await guarded(system, tokens.access_token)).json(),
  )
  telemetry.event({ type: 'issued', time: '', user: 'u', grant: 'u.g' })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
