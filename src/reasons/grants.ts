/** Codes, tokens, and the grants behind them. */
export const grants = {
  'malformed-code': ['What was sent is no authorization code.', 'Look at the client.'],
  'unknown-code': [
    'The authorization code is none that was issued, or is over.',
    'Look at the client: a code is good for `codeTtl` seconds. Or somebody guesses.',
  ],
  'foreign-code': ['The code was issued to another client.', 'Look at both clients: a code went astray.'],
  'wrong-code-verifier': [
    'The code_verifier does not fit the code.',
    'Look at the client: two sign-ins at once, or a code that was stolen.',
  ],
  'code-used-twice-at-once': [
    'The code came twice within a moment: the second got nothing.',
    'Nothing: some clients post twice.',
  ],
  'code-replayed': [
    'A code came again after it was used: the grant was ended.',
    'Ask how it could leak: browser history, a log, a proxy in between.',
  ],
  'redirect-uri-differs': [
    'The redirect_uri at the token endpoint is another than before.',
    'Look at the client.',
  ],
  'malformed-refresh-token': [
    'What was sent is no refresh token of this server.',
    'Keep the previous secret in `secret` when you change it. Or somebody guesses.',
  ],
  'foreign-refresh-token': [
    'The refresh token was issued to another client.',
    'Look at both clients: a token went astray.',
  ],
  'no-refresh-token': ['None was issued for this grant, yet one was sent.', 'Look at the client.'],
  'refresh-token-reused': [
    'A refresh token came again after its successor was used: the grant was ended.',
    'Ask how it could leak, or whether one client runs twice on one saved token.',
  ],
  'grant-type-not-registered': [
    'The client did not register the authorization_code grant.',
    'Change the client: it must name it in grant_types.',
  ],
  'refresh-not-registered': [
    'The client did not register the refresh_token grant.',
    'Look at the client: it has to name it in grant_types.',
  ],
  'grant-over': [
    'There is no such grant any more: revoked, expired, or lost with `memory:` at a restart.',
    'Use a store that keeps what it is given; the user can sign in again.',
  ],
  'grant-of-another-tenant': [
    'The grant was made at another tenant’s address.',
    'Nothing, unless `upstream` confuses tenants.',
  ],
  'server-not-configured': [
    'The grant is for an MCP server that is not in `mcp`.',
    'Add it again, or let the users sign in again.',
  ],
  'provider-not-configured': [
    'The grant was made with a provider that is not in `upstream`.',
    'Add it again, or let the users sign in again.',
  ],
  'grant-busy': ['Too many changes of one grant at once.', 'Nothing: the client may ask again.'],
  'record-unreadable': [
    'A part of the grant does not open: moved, altered, or sealed with a secret that is gone.',
    'Keep the previous secret in `secret` when you change it. Else see who can write to the storage.',
  ],
  'record-of-another-version': [
    'The record has a form that this version does not know.',
    'Finish the upgrade on all instances.',
  ],
  'client-credentials-refused': [
    'The client may not have tokens for itself; `detail` says why.',
    'Set `clientCredentials` for it in `clients`.',
  ],
  'unknown-token': [
    'The bearer token is none of this server’s, or was sealed with a secret that is gone.',
    'Nothing, unless it happens to everybody: then `secret` or `url` changed.',
  ],
  'token-expired': ['The access token is over.', 'Nothing: the client refreshes.'],
  'token-revoked': ['The access token, or its grant, was revoked.', 'Nothing.'],
  'token-of-another-resource': [
    'The token was issued for another MCP server.',
    'Look at the client: each server has tokens of its own.',
  ],
  'token-of-another-tenant': [
    'The token was issued at another tenant’s address.',
    'Nothing, unless `upstream` confuses tenants.',
  ],
  'token-twice': [
    'The access token is sent in more than one way.',
    'Look at the client: the header alone is right.',
  ],
  'token-lacks-scope': [
    'The token does not have the scope that the MCP server demands.',
    'Nothing: the client asks the user for more.',
  ],
  'key-lacks-scope': [
    'The API key does not have the scope that the MCP server demands; `detail` names the key.',
    'Give it the scope in `apiKeys`.',
  ],
  'by-client': ['The client revoked it.', 'Nothing.'],
  'by-user': ['The user disconnected the app.', 'Nothing.'],
  'by-operator': ['You revoked it.', 'Nothing.'],
} as const
