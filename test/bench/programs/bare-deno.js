/** A proxy that checks nothing: `Deno.serve` in, `fetch` out. */
const target = Deno.env.get('MCP_URL')

Deno.serve(
  { port: Number(Deno.env.get('PORT')), hostname: '127.0.0.1', onListen: () => {} },
  ({ method, headers, body, url }) =>
    fetch(target + new URL(url).search, { method, headers, body, redirect: 'manual' }),
)
