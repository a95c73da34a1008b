import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  type ElicitRequestFormParams,
  ElicitResultSchema,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { CONTENT, FORMS, isLocal, PROMPTS, RESOURCES, TALKING, templated } from './fixture-answers.ts'

type Ask = Record<string, string>

/** An MCP server with everything that the conformance tool asks for, so that there is much to compare. */
export async function startFixture(): Promise<{ url: string; close(): Promise<void> }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const server = createServer(async (request, response) => {
    if (!isLocal(request.headers.origin)) {
      response.writeHead(403).end()
      return
    }
    const id = request.headers['mcp-session-id']
    let transport = typeof id === 'string' ? sessions.get(id) : undefined
    if (!transport && id !== undefined) {
      response.writeHead(404).end()
      return
    }
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (session) => void sessions.set(session, transport!),
        onsessionclosed: (session) => void sessions.delete(session),
      })
      await createFixture().connect(transport as Parameters<Server['connect']>[0])
    }
    await transport.handleRequest(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function createFixture(): Server {
  const server = new Server(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
    },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...Object.keys(CONTENT), ...TALKING].map((name) => ({
      name,
      description: `The tool ${name}`,
      inputSchema: { type: 'object' as const },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendNotification, sendRequest }) => {
    const answer = (value: string, isError = false) => ({
      content: [{ type: 'text' as const, text: value }],
      isError,
    })
    const { name, arguments: given = {}, _meta } = params
    const content = CONTENT[name]
    if (content) return { content } as CallToolResult
    const args = given as Ask
    switch (name) {
      case 'test_error_handling':
        return answer('This tool intentionally returns an error for testing', true)
      case 'test_tool_with_logging':
        for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
          await sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
          await wait(50)
        }
        return answer('logged')
      case 'test_tool_with_progress':
        for (const progress of [0, 50, 100]) {
          const progressToken = _meta?.progressToken
          if (progressToken !== undefined) {
            const step = { progressToken, progress, total: 100 }
            await sendNotification({ method: 'notifications/progress', params: step })
          }
          await wait(50)
        }
        return answer('done')
      case 'test_sampling': {
        const message = { role: 'user' as const, content: { type: 'text' as const, text: args.prompt ?? '' } }
        const request = {
          method: 'sampling/createMessage',
          params: { messages: [message], maxTokens: 100 },
        } as const
        const { content: reply } = await sendRequest(request, CreateMessageResultSchema)
        return answer(`LLM response: ${'text' in reply ? reply.text : ''}`)
      }
    }
    const form = FORMS[name]
    if (!form) return answer(`no tool ${name}`, true)
    const asked = {
      message: args.message ?? 'Please fill in',
      requestedSchema: form,
    } as ElicitRequestFormParams
    const reply = await sendRequest({ method: 'elicitation/create', params: asked }, ElicitResultSchema)
    return answer(`User response: ${JSON.stringify(reply)}`)
  })
  const described = RESOURCES.map(({ uri, mimeType }) => ({ uri, mimeType, name: uri, description: uri }))
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: described }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template' }],
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const found = RESOURCES.find((resource) => resource.uri === uri) ?? templated(uri)
    if (!found) throw new Error(`no resource ${uri}`)
    return { contents: [found as { uri: string; text: string }] }
  })
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['paris'], total: 1 } }))
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(PROMPTS).map(([name, { args }]) => ({
      name,
      description: `The prompt ${name}`,
      arguments: args.map((argument) => ({ name: argument, required: true })),
    })),
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const messages = PROMPTS[params.name]?.messages(params.arguments ?? {}) ?? []
    return { messages } as GetPromptResult
  })
  return server
}
