import { expect, test } from 'vitest'
import { requestHeaders } from '../../src/forward/request-headers.ts'

const told = {
  identity: [],
  authorization: undefined,
  session: undefined,
  address: undefined,
  publicHost: 'mcp.example',
  publicScheme: 'https',
}
const sent = (name: string) => requestHeaders(new Headers({ [name]: 'x' }), told).map(([own]) => own)

test.each([
  'Mcp_Method',
  'mcp.name',
  'MCP_Protocol-Version',
  'Mcp_Session_Id',
  'Last_Event_ID',
  'Content_Type',
  'content_encoding',
  'Content_Length',
])('a spelling that only a CGI-like server reads as another header is dropped: %s', (name) => {
  expect(sent(name)).not.toContain(name.toLowerCase())
})

test.each(['Mcp-Method', 'Mcp-Name', 'Mcp-Param-user_id', 'Mcp-Param-Region', 'Content-Type', 'X_Own'])(
  'and the header itself passes, as do parameters of tools: %s',
  (name) => {
    expect(sent(name)).toContain(name.toLowerCase())
  },
)
