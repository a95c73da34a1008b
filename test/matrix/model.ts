import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A stand-in for a model at its maker's. */
export interface Model {
  readonly url: string
  close(): void
}

/** The next step of the model: a call of a tool, or what it says at the end. */
type Turn = { readonly tool: string; readonly namespace: string | undefined } | { readonly says: string }

interface Named {
  readonly name?: string
}

interface Question {
  readonly model?: string
  readonly tools?: readonly (Named & {
    readonly function?: Named
    /** Of Google. */
    readonly functionDeclarations?: readonly Named[]
    /** Of a namespace of OpenAI's Responses. */
    readonly tools?: readonly Named[]
  })[]
}

const event = (data: { readonly type?: string }): string =>
  `${data.type === undefined ? '' : `event: ${data.type}\n`}data: ${JSON.stringify(data)}\n\n`

const anthropic = (turn: Turn, input: object, model: string): string => {
  const isCall = 'tool' in turn
  const reason = isCall ? 'tool_use' : 'end_turn'
  const head = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null }
  const block = isCall
    ? { type: 'tool_use', id: 'toolu_1', name: turn.tool, input: {} }
    : { type: 'text', text: '' }
  const delta = isCall
    ? { type: 'input_json_delta', partial_json: JSON.stringify(input) }
    : { type: 'text_delta', text: turn.says }
  return [
    { type: 'message_start', message: { ...head, usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: reason }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ]
    .map(event)
    .join('')
}

const gemini = (turn: Turn, args: object): string => {
  const part = 'tool' in turn ? { functionCall: { name: turn.tool, args } } : { text: turn.says }
  return event({
    candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
  } as object)
}

const chat = (turn: Turn, input: object, model: string): string => {
  const isCall = 'tool' in turn
  const call = isCall && { name: turn.tool, arguments: JSON.stringify(input) }
  const delta = call
    ? { role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: call }] }
    : { role: 'assistant', content: (turn as { says: string }).says }
  const chunk = (choice: object) =>
    event({ id: 'chat_1', object: 'chat.completion.chunk', created: 1, model, choices: [choice] } as object)
  const last = { index: 0, delta: {}, finish_reason: isCall ? 'tool_calls' : 'stop' }
  return `${chunk({ index: 0, delta, finish_reason: null })}${chunk(last)}data: [DONE]\n\n`
}

const responses = (turn: Turn, input: object): string => {
  const item =
    'tool' in turn
      ? { type: 'function_call', call_id: 'call_1', name: turn.tool, namespace: turn.namespace }
      : { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: turn.says }] }
  const called = 'tool' in turn && { arguments: JSON.stringify(input) }
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 }
  return [
    { type: 'response.created', response: { id: 'response_1' } },
    { type: 'response.output_item.done', output_index: 0, item: { id: 'item_1', ...item, ...called } },
    { type: 'response.completed', response: { id: 'response_1', usage } },
  ]
    .map(event)
    .join('')
}

const ANSWERS = {
  '/messages': anthropic,
  ':streamGenerateContent': gemini,
  '/chat/completions': chat,
  '/responses': responses,
} as const

/**
 * Starts a model that speaks as those of Anthropic, Google and OpenAI do, as far as agents need it to use a tool. It calls
 * the tool `echo` of whichever MCP server is offered, and says at the end what the tool returned.
 *
 * @param message The argument of the call.
 */
export async function startModel(message: string): Promise<Model> {
  const server = createServer(async (request, response) => {
    const asked = await text(request)
    const path = request.url ?? ''
    const answer = Object.entries(ANSWERS).find(([end]) => path.split('?')[0]!.endsWith(end))?.[1]
    if (request.method !== 'POST' || answer === undefined) return response.writeHead(404).end('{}')
    const { tools = [], model = '' } = JSON.parse(asked) as Question
    const offered = tools.flatMap(
      ({ name, function: one, functionDeclarations = [], tools: within = [] }) => [
        { tool: name ?? one?.name, namespace: undefined },
        ...functionDeclarations.map(({ name: tool }) => ({ tool, namespace: undefined })),
        ...within.map(({ name: tool }) => ({ tool, namespace: name })),
      ],
    )
    const echo = offered.find(({ tool }) => tool?.endsWith('echo'))
    // The MCP server writes it so. It stands in no question before the tool was called.
    const result = `Echo: ${message}`
    const says = asked.includes(result) ? `the tool said: ${result}` : 'no such tool'
    const turn = echo?.tool === undefined || asked.includes(result) ? { says } : { ...echo, tool: echo.tool }
    response.setHeader('content-type', 'text/event-stream')
    response.end(answer(turn, { message }, model))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
