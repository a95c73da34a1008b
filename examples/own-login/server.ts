// An application with its own sign-in: its page takes the place of the provider.
import { createProxy, OAuthError } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/node'
import { memory } from 'lockgate/storage/memory'

const { PORT = '8787', LOCKGATE_SECRET, MCP_URL = 'http://127.0.0.1:3001/mcp' } = process.env
const url = `http://localhost:${PORT}`
const people: Record<string, string> = { ada: 'lovelace', grace: 'hopper' }

const proxy = createProxy({
  url,
  secret: LOCKGATE_SECRET!,
  upstream: { login: '/login', name: 'your Example account' },
  storage: memory(),
  mcp: MCP_URL,
})

const page = (html: string, status = 200) =>
  new Response(`<!doctype html><title>Sign in</title>${html}`, {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'x-frame-options': 'DENY' },
  })

async function login(request: Request): Promise<Response> {
  try {
    const { state } = proxy.parseAuthRequest(request)
    const form = `<form method="post" action="/login?state=${encodeURIComponent(state)}">
<label>Name <input name="name"></label> <label>Password <input name="password" type="password"></label>
<button>Sign in</button></form>`
    if (request.method !== 'POST') return page(form)
    if (request.headers.get('origin') !== url) return page('<p>This form was sent from elsewhere.</p>', 403)
    const fields = await request.formData()
    const name = String(fields.get('name'))
    if (!Object.hasOwn(people, name) || people[name] !== fields.get('password')) return page(form, 401)
    return await proxy.completeAuthorization({ request, user: { id: name, name } })
  } catch (error) {
    if (error instanceof OAuthError) return page('<p>Start again from your app.</p>', error.status)
    throw error
  }
}

stopOnSignals(
  await serve(
    {
      fetch: (request) =>
        new URL(request.url).pathname === '/login' ? login(request) : proxy.fetch(request),
    },
    { port: Number(PORT) },
  ),
)
