import { judge, ok, show, warn } from '../finding.ts'
import { type Check, listOf } from '../world.ts'

/** Grants, ways to authenticate and the issuer in answers, as the metadata offers them (RFC 8414 §2, RFC 9207 §3). */
export const capabilities: Check = (world) => {
  if (!world.server) return []
  const { document } = world.server
  // What each list means where it is absent.
  const grants = listOf(world, 'grant_types_supported') ?? ['authorization_code', 'implicit']
  const methods = listOf(world, 'token_endpoint_auth_methods_supported') ?? ['client_secret_basic']
  const said = (member: string) => `${member}: ${show(document[member])}`
  const refresh = {
    seen: said('grant_types_supported'),
    expected: 'a list with "refresh_token"',
    fix: 'Offer the grant refresh_token, or users sign in again each time a token expires.',
  }
  const authMethods = {
    seen: said('token_endpoint_auth_methods_supported'),
    expected: 'a list with "none"',
    fix: 'List "none": most MCP clients are public, and Claude uses its metadata document only then.',
  }
  const iss = {
    seen: said('authorization_response_iss_parameter_supported'),
    expected: 'true',
    fix: 'Send `iss` with each authorization response and say so (RFC 9207), so that no client mixes up two servers.',
  }
  return [
    judge(
      'server.grants',
      'It offers the grant `authorization_code`',
      grants.includes('authorization_code')
        ? undefined
        : {
            seen: said('grant_types_supported'),
            expected: 'a list with "authorization_code"',
            fix: 'List authorization_code in grant_types_supported.',
          },
    ),
    choose('server.refresh', 'Refresh tokens are offered', grants.includes('refresh_token'), refresh),
    choose(
      'server.auth-methods',
      'Clients without a secret are welcome',
      methods.includes('none'),
      authMethods,
    ),
    choose(
      'server.iss',
      'Answers name their issuer (`iss`)',
      document.authorization_response_iss_parameter_supported === true,
      iss,
    ),
  ]
}

const choose = (id: string, title: string, good: boolean, problem: Parameters<typeof warn>[2]) =>
  good ? ok(id, title) : warn(id, title, problem)
