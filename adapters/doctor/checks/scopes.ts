import { ok, show, warn } from '../finding.ts'
import { type Check, listOf } from '../world.ts'

/** What the resource asks for, the authorization server must know; `offline_access` is between it and the client. */
export const scopes: Check = (world) => {
  if (!world.server || !world.resource) return []
  const [id, title] = ['server.scopes', 'Both documents agree on scopes']
  const known = listOf(world, 'scopes_supported')
  const said = world.resource.document.scopes_supported
  const asked = Array.isArray(said) ? said : []
  if (asked.includes('offline_access')) {
    return [
      warn(id, title, {
        seen: 'the metadata of the resource lists offline_access',
        expected: 'offline_access in the metadata of the authorization server only',
        fix: 'Take offline_access out of the `scopes_supported` of the resource.',
      }),
    ]
  }
  const foreign = known ? asked.filter((scope) => !known.includes(scope as string)) : []
  if (foreign.length === 0) return [ok(id, title, known && show(known.join(' ')))]
  return [
    warn(id, title, {
      seen: `the resource asks for ${show(foreign.join(' '))}, which the authorization server does not list`,
      expected: 'the scopes of the resource among those of the authorization server',
      fix: 'List the scopes of the resource at the authorization server too (in Lockgate: `scopes`).',
    }),
  ]
}
