import { answer, type Subject } from './subject.ts'

/** The MCP server alone: what everything else is added to. */
export const noAuth = (origin: string): Subject => ({
  name: 'no auth',
  resource: `${origin}/mcp`,
  fetch: async () => answer(),
})
