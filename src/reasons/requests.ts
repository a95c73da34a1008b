/** Reasons about a request itself, or about the browser that sent it. */
export const requests = {
  'development-only': [
    'A request from another machine reached the sign-in for development.',
    'Use a provider for anything that other machines reach. Listen on 127.0.0.1 during development.',
  ],
  'missing-parameter': [
    'A parameter is missing; `detail` names it.',
    'Report it to the author of the client: it does not follow OAuth 2.1.',
  ],
  'repeated-parameter': [
    'A parameter occurs twice.',
    'Report it to the author of the client. Otherwise suspect an attack.',
  ],
  'too-many-parameters': [
    'The request has more parameters than any client sends.',
    'Nothing, unless a known client does it.',
  ],
  'not-a-form': [
    'The body is not `application/x-www-form-urlencoded`.',
    'Report it to the author of the client: RFC 6749 requires a form.',
  ],
  'body-too-large': [
    'The body exceeds the limit of the endpoint.',
    'Nothing, unless a known client does it.',
  ],
  'body-too-slow': [
    'The body of the request did not arrive in time: 10 seconds, or 30 for a message that rules for tools judge.',
    'Nothing, unless it happens often: then check the network in front, or a client that holds connections open.',
  ],
  'body-unreadable': [
    'The body is not valid UTF-8, or the connection broke while it was read.',
    'Nothing for single cases. If it happens often, check the network in front.',
  ],
  'request-too-long': [
    'The client_id, redirect_uri, scope and state are too long together for the cookie of a sign-in.',
    'Nothing, unless a known client does it: then report it.',
  ],
  'state-too-long': [
    'The `state` of the client has over 4,096 characters.',
    'Report it to the author of the client: `state` is not meant to carry data.',
  ],
  'redirect-uri-not-registered': [
    'The client did not register this redirect URI.',
    'Add it to the client in `clients`. A registered client has to register again.',
  ],
  'redirect-uri-of-this-server': [
    'The redirect URI is an address of this server.',
    'Nothing: a response sent there could be mistaken for the provider’s.',
  ],
  'unsupported-response-type': [
    'The `response_type` is not `code`.',
    'Report it to the author of the client: OAuth 2.1 has no other type.',
  ],
  'unsupported-response-mode': [
    'The `response_mode` is not `query`.',
    'Report it to the author of the client: MCP has no other mode.',
  ],
  'pkce-missing': [
    'The `code_challenge` is missing.',
    'Report it to the author of the client: MCP requires PKCE.',
  ],
  'pkce-not-s256': [
    'The `code_challenge_method` is not `S256`.',
    'Report it to the author of the client: MCP requires `S256`.',
  ],
  'pkce-malformed': [
    'The `code_challenge` or `code_verifier` is malformed.',
    'Report it to the author of the client: RFC 7636 defines both.',
  ],
  'malformed-scope': [
    'The scope contains characters that a scope cannot have.',
    'Report it to the author of the client.',
  ],
  'unknown-scope': [
    'None of the requested scopes is in `scopes`.',
    'Add the scope to `scopes`, or configure the client with one of yours.',
  ],
  'client-lacks-scope': [
    'The client may not have a scope that the MCP server requires.',
    'Add the scope to the client’s `scopes` in `clients`.',
  ],
  'outside-url': [
    'The path is not below the path of `url`, so nothing is served there.',
    'Compare `url` with the address that clients use. A reverse proxy in front must not strip the path. If you own only that path, set `discovery.belowPath`.',
  ],
  'scope-not-granted': [
    'The request asks for a scope that was not granted.',
    'Nothing: the client has to ask the user.',
  ],
  'unknown-resource': [
    'The requested resource is not an MCP server of this proxy.',
    'Compare the URL in the client with `url` and `mcp`.',
  ],
  'unsupported-grant-type': [
    'The `grant_type` is not supported.',
    'Set `clientCredentials` for a client that needs tokens without a user.',
  ],
  'foreign-origin': [
    'A page of another origin sent the request or the form.',
    'Add the origin to `origins` if it may call the MCP server.',
  ],
  'form-token-mismatch': [
    'The form belongs to another session, or was altered.',
    'Nothing: the user can open the page again.',
  ],
  'consent-cookie-missing': [
    'The browser sent the consent form without its cookie.',
    'Nothing for single cases. If all users are affected, a proxy in front drops cookies.',
  ],
  'consent-form-invalid': [
    'The consent form was altered, or sealed with a secret that was removed.',
    'Keep the previous secret in `secret` for a while when you change it.',
  ],
  'sign-in-cookie-missing': [
    'The browser returned from the provider without the cookie of the sign-in.',
    'Nothing for single cases. If all users are affected, `url` is not their address, or a proxy drops cookies.',
  ],
  'sign-in-cookie-invalid': [
    'The cookie of the sign-in cannot be decrypted.',
    'Keep the previous secret in `secret` for a while when you change it.',
  ],
  'sign-in-expired': [
    'The sign-in took longer than `signInTtl`, or it began at an instance whose clock is more than a minute ahead.',
    'Increase `signInTtl` if the pages of the provider take longer. Synchronize the clocks of the instances.',
  ],
  'denied-by-user': ['The user denied the request on the consent page.', 'Nothing.'],
  'limit-address': [
    'One address sent too many requests.',
    'Increase `limits.address` if many users share the address.',
  ],
  'limit-client': [
    'One client sent too many token requests from one address.',
    'Increase `limits.client` for a hosted client.',
  ],
  'limit-user': ['One user sent too many requests.', 'Increase `limits.user` if their work requires it.'],
  'limit-failures': [
    'A client failed too often with wrong secrets, codes or refresh tokens.',
    'Read the events before it: a setting is wrong, or an attacker is guessing.',
  ],
  'limit-tokens': [
    'One address sent too many invalid bearer tokens.',
    'Read the events before it: a client does not sign in again, or an attacker is guessing.',
  ],
  'ambiguous-path': [
    'The path can be read in more than one way; `detail` says why.',
    'Nothing, unless a known client is affected: then check whether a proxy in front rewrites paths.',
  ],
  'malformed-host': [
    'The Host header is missing or is not a valid host. Only `/health` needs none.',
    'Let the client, or the proxy in front, send the host of `url`.',
  ],
  'unsupported-transfer-coding': [
    'The `Transfer-Encoding` of a request to an MCP server is not `chunked`.',
    'Correct the client, or the proxy in front.',
  ],
  'method-not-allowed': [
    'The endpoint does not know the HTTP method.',
    'Nothing: MCP uses GET, POST and DELETE.',
  ],
  'session-not-found': [
    'The request names a session that this server did not issue, or sealed with a removed secret.',
    'Nothing: the client starts a new session. Once after an upgrade every client does.',
  ],
  'session-of-another-user': [
    'The request names the session of another user or another client.',
    'Look for the place where the session id leaked, such as a log.',
  ],
  'forward-auth-caller': [
    'A caller without the secret, or from an address outside `forwardAuth.from`, asked about a request.',
    'Compare the secret or the address with the proxy in front. If it is another caller, block `/forward-auth` from outside.',
  ],
  'forward-auth-incomplete': [
    'The proxy in front did not pass on the method, the URI or the host of the request; `detail` names it.',
    'Compare its configuration, and `forwardAuth.proxy`, with the guide to forward auth.',
  ],
  'forward-auth-other-host': [
    'The proxy in front asked about another host than that of `url`.',
    'Compare `url` with the host that the proxy passes on.',
  ],
  'forward-auth-no-server': [
    'The proxy in front asked about a path that belongs to no MCP server, or to one that needs Lockgate to forward.',
    'Compare `mcp` with the paths that the proxy protects. Send requests to a handler, or to a server with rules for tools, to Lockgate.',
  ],
  'forward-auth-identity': [
    'The client sent a header that only this proxy may set, or one that a server may take for it; `detail` names it.',
    'Nothing, unless the proxy in front added it: then remove it there.',
  ],
  'message-malformed': [
    'The body is no JSON-RPC message, or programs may read it differently; `detail` says why.',
    'Report it to the author of the client. Otherwise suspect an attack.',
  ],
  'header-mismatch': [
    'The `Mcp-…` headers and the body of the request do not agree.',
    'Report it to the author of the client. Otherwise suspect an attack.',
  ],
  'header-doubled': [
    'The request has `MCP-Protocol-Version` or `Mcp-Session-Id` twice; `detail` names it.',
    'Report it to the author of the client. Otherwise suspect an attack.',
  ],
  'body-encoded': [
    'The body has a content coding or a charset other than UTF-8, so that the rules for tools cannot judge it.',
    'Report it to the author of the client: MCP messages are JSON in UTF-8.',
  ],
  'call-hidden': [
    'The rules of the MCP server permit the action to no one, or hide it from this token.',
    'Compare `tools`, `prompts`, `resources` and `methods` in `mcp` if it should be permitted.',
  ],
  'call-not-authorized': [
    'The function `authorize` refused the action; `detail` names the method and the tool.',
    'Nothing, unless the function is wrong.',
  ],
  'limit-anonymous': [
    'One address sent too many requests without a token to a server with public tools.',
    'Raise `limits.anonymous` if many users share the address.',
  ],
  'limit-streams': [
    'One user has too many event streams or unanswered requests open.',
    'Look at the client. Raise `limits.streams` if the user needs more.',
  ],
  'limit-all-streams': [
    'All users together have too many event streams or unanswered requests open.',
    'Add instances, or raise `limits.allStreams` and the limit of open files.',
  ],
  'limit-bodies': [
    'The bodies of the requests that are open at once, or those of one user or address, take too much memory.',
    'Nothing for single cases. If it happens often, add instances, or lower `maxBody`.',
  ],
} as const
