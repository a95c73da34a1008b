import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import { serve } from 'lockgate/node'
import { freePort } from '../support/free-port.ts'
import { CONTENT, isLocal, PROMPTS, RESOURCES, templated } from './fixture-answers.ts'

/** The same answers by the SDK 2.x, which speaks the revision of 2026-07-28: no sessions, everything in each request. */
export async function startModernFixture(): Promise<{ url: string; close(): Promise<void> }> {
  const handler = createMcpHandler(() => createFixture())
  const port = await freePort()
  const fetch = async (request: Request) =>
    isLocal(request.headers.get('origin')) ? handler.fetch(request) : new Response(null, { status: 403 })
  const server = await serve({ fetch }, { port })
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await handler.close()
      await server.close(true)
    },
  }
}

function createFixture(): Server {
  const server = new Server(
    { name: 'fixture', version: '2.0.0' },
    { capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} } },
  )
  server.setRequestHandler('tools/list', () => ({
    tools: Object.keys(CONTENT).map((name) => ({
      name,
      description: `The tool ${name}`,
      inputSchema: { type: 'object' as const },
    })),
  }))
  server.setRequestHandler('tools/call', ({ params: { name } }) => {
    const content = CONTENT[name]
    if (content) return { content: content as { type: 'text'; text: string }[] }
    const text = 'This tool intentionally returns an error for testing'
    return { isError: true, content: [{ type: 'text' as const, text }] }
  })
  server.setRequestHandler('resources/list', () => ({
    resources: RESOURCES.map(({ uri, mimeType }) => ({ uri, mimeType, name: uri, description: uri })),
  }))
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template' }],
  }))
  server.setRequestHandler('resources/read', ({ params: { uri } }) => {
    const found = RESOURCES.find((resource) => resource.uri === uri) ?? templated(uri)
    if (!found) throw new Error(`no resource ${uri}`)
    return { contents: [found as { uri: string; text: string }] }
  })
  server.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris'], total: 1 } }))
  server.setRequestHandler('prompts/list', () => ({
    prompts: Object.entries(PROMPTS).map(([name, { args }]) => ({
      name,
      description: `The prompt ${name}`,
      arguments: args.map((argument) => ({ name: argument, required: true })),
    })),
  }))
  server.setRequestHandler('prompts/get', ({ params }) => {
    const messages = PROMPTS[params.name]?.messages(params.arguments ?? {}) ?? []
    return { messages: messages as { role: 'user'; content: { type: 'text'; text: string } }[] }
  })
  return server
}
