import { isObject, type RpcMessage } from './json-rpc.ts'

/** One action of a client. */
export interface McpCall {
  /** The JSON-RPC method, such as `tools/call`. */
  readonly method: string
  /** The tool, for `tools/call`. */
  readonly tool?: string | undefined
  /** The prompt, for `prompts/get`. */
  readonly prompt?: string | undefined
  /** The URI, for `resources/read` and for one subscription. */
  readonly uri?: string | undefined
  /** Returns the arguments of a tool or prompt. They come from the client: nothing in them is checked. */
  arguments(): Readonly<Record<string, unknown>>
}

/** Describes the action of a message. Returns `undefined` for a response. */
export function callOfMessage({ method, params }: RpcMessage): McpCall | undefined {
  if (method === undefined) return undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return {
    method,
    ...(method === 'tools/call' && { tool: text(params.name) }),
    ...(method === 'prompts/get' && { prompt: text(params.name) }),
    ...(method.startsWith('resources/') && { uri: text(params.uri) }),
    arguments: () => (isObject(params.arguments) ? params.arguments : {}),
  }
}
