import { html } from './html.ts'
import { layout } from './layout.ts'

/** How to connect: the first thing somebody sees who opens the address in a browser. */
export function homePage(server: string, resources: readonly { name: string; id: string }[]): string {
  return layout(
    server,
    html`<h1>${server}</h1>
<p>This is an MCP server behind a sign-in. Add its address to an MCP client such as Claude, ChatGPT, VS Code or Cursor;
the client then opens a browser window in which you sign in.</p>
<ul>${resources.map(({ id }) => html`<li><code>${id}</code></li>`)}</ul>
<p class="soft">In Claude Code: <code>claude mcp add --transport http ${slug(server)} ${resources[0]?.id}</code></p>`,
  )
}

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'server'
