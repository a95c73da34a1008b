/** Reasons about codes, tokens and the grants they belong to. */
export const grants = {
  'malformed-code': [
    'The value is not an authorization code of this server.',
    'Report it to the author of the client.',
  ],
  'unknown-code': [
    'The authorization code was never issued, or it expired.',
    'Check that the client redeems its code within `codeTtl` seconds. Otherwise suspect guessing.',
  ],
  'code-of-another-client': [
    'The authorization code was issued to another client.',
    'Check both clients: a code reached the wrong one.',
  ],
  'wrong-code-verifier': [
    'The `code_verifier` does not match the code.',
    'Check whether the client ran two sign-ins at once. Otherwise suspect a stolen code.',
  ],
  'code-used-twice-at-once': [
    'The code was redeemed twice within two seconds. The second request got no tokens.',
    'Nothing: some clients send the request twice.',
  ],
  'code-replayed': [
    'A code was redeemed again after its use, so the grant was ended.',
    'Find out how the code leaked: browser history, a log, or a proxy.',
  ],
  'redirect-uri-mismatch': [
    'The `redirect_uri` at the token endpoint differs from the one in the authorization request.',
    'Report it to the author of the client.',
  ],
  'malformed-refresh-token': [
    'The value is not a refresh token of this server.',
    'Keep the previous secret in `secret` when you change it. Otherwise suspect guessing.',
  ],
  'refresh-token-of-another-client': [
    'The refresh token was issued to another client.',
    'Check both clients: a token reached the wrong one.',
  ],
  'refresh-token-not-issued': [
    'A refresh token was sent for a grant that has none.',
    'Report it to the author of the client.',
  ],
  'refresh-token-reused': [
    'A refresh token was used again after its successor was used, so the grant was ended.',
    'Find out how the token leaked, or whether one client runs twice with one stored token.',
  ],
  'grant-type-not-registered': [
    'The client did not register the authorization_code grant.',
    'Change the client: it must name it in grant_types.',
  ],
  'refresh-not-registered': [
    'The client did not register the `refresh_token` grant.',
    'Make the client name it in `grant_types`.',
  ],
  'grant-not-found': [
    'The grant does not exist any more: revoked, expired, or lost with `memory:` at a restart.',
    'Use a store that survives restarts. The user can sign in again.',
  ],
  'grant-of-another-deployment': [
    'Another deployment on the same storage made the grant. It stays valid there.',
    'Give each deployment a storage of its own. A changed `url` makes another deployment, too.',
  ],
  'grant-of-another-tenant': [
    'The grant belongs to another tenant.',
    'Nothing, unless `upstream` confuses tenants.',
  ],
  'server-not-configured': [
    'The grant is for an MCP server that is not in `mcp`.',
    'Add the server again, or let users sign in again.',
  ],
  'provider-not-configured': [
    'The grant was made with a provider that is not in `upstream`.',
    'Add the provider again, or let users sign in again.',
  ],
  'grant-busy': ['Too many changes of one grant arrived at once.', 'Nothing: the client can try again.'],
  'record-unreadable': [
    'The record of the grant cannot be read or decrypted. It was damaged, moved, altered, or sealed with a removed secret.',
    'Keep the previous secret in `secret` when you change it. Otherwise check who can write to the storage. `lockgate grants revoke` removes the record.',
  ],
  'user-not-rechecked': [
    'The provider could not be asked about the user for longer than `revalidate`.',
    'Check that the provider responds, and that it gives refresh tokens or has a userinfo endpoint.',
  ],
  'grant-too-large': [
    'The record of the grant is larger than the storage accepts; `detail` has both sizes.',
    'Request fewer scopes or groups of the provider, keep fewer `claims`, or use another storage.',
  ],
  'secret-unknown': [
    'Another instance wrote the grant with a secret that this instance does not have.',
    'Add a new secret to `secret` of every instance before one of them uses it first.',
  ],
  'record-of-another-version': [
    'The record has a format that this version does not know.',
    'Finish the upgrade on all instances.',
  ],
  'client-credentials-refused': [
    'The client may not get tokens without a user; `detail` says why.',
    'Set `clientCredentials` for the client in `clients`.',
  ],
  'unknown-token': [
    'This server did not issue the bearer token, or it was sealed with a secret that was removed.',
    'Nothing for single cases. If all users are affected, `secret` or `url` changed.',
  ],
  'token-expired': ['The access token has expired.', 'Nothing: the client refreshes it.'],
  'token-revoked': ['The access token, or its grant, was revoked.', 'Nothing.'],
  'token-of-another-resource': [
    'The token was issued for another MCP server.',
    'Report it to the author of the client: each MCP server needs its own token.',
  ],
  'token-of-another-tenant': [
    'The token belongs to another tenant.',
    'Nothing, unless `upstream` confuses tenants.',
  ],
  'token-sent-twice': [
    'The request carries the access token in more than one place.',
    'Make the client send it in the `Authorization` header only.',
  ],
  'token-lacks-scope': [
    'The token does not have a scope that the MCP server requires.',
    'Nothing: the client asks the user for more.',
  ],
  'key-lacks-scope': [
    'The API key does not have a scope that the MCP server requires; `detail` names the key.',
    'Add the scope to the key in `apiKeys`.',
  ],
  'revoked-by-client': ['The client revoked it.', 'Nothing.'],
  'revoked-by-user': ['The user disconnected the app.', 'Nothing.'],
  'revoked-by-operator': ['You revoked it.', 'Nothing.'],
} as const
