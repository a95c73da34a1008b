/** A proxy that checks nothing: `Bun.serve` in, `fetch` out. */
const target = process.env.MCP_URL

Bun.serve({
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  idleTimeout: 0,
  fetch: ({ method, headers, body, url }) =>
    fetch(target + new URL(url).search, { method, headers, body, redirect: 'manual' }),
})
