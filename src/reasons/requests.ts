/** What is wrong with a request, or with the browser it came from. */
export const requests = {
  'missing-parameter': [
    'A parameter is missing; `detail` names it.',
    'Look at the client: it does not follow OAuth 2.1.',
  ],
  'repeated-parameter': [
    'A parameter came twice.',
    'Look at the client, or at who tries to confuse the server.',
  ],
  'too-many-parameters': [
    'There are more parameters than any client sends.',
    'Nothing, unless a known client does it.',
  ],
  'not-a-form': [
    'The body is not application/x-www-form-urlencoded.',
    'Look at the client: RFC 6749 asks for a form.',
  ],
  'ambiguous-path': [
    'The path can be read in more than one way; `detail` says why.',
    'Nothing, unless a known client does it: then look at what stands in front.',
  ],
  'malformed-host': [
    'The Host header is missing or is not a valid host.',
    'Let health checks send a Host header.',
  ],
  'method-not-allowed': [
    'The endpoint does not know the HTTP method.',
    'Nothing: MCP uses GET, POST and DELETE.',
  ],
  'body-too-large': [
    'The body is over the limit of the endpoint.',
    'Nothing, unless a known client does it.',
  ],
  'body-unreadable': [
    'The connection broke while the body was read.',
    'Nothing, unless it happens often: then look at the network in front.',
  ],
  'state-too-long': [
    'The client’s `state` has over 4,096 characters.',
    'Look at the client: `state` is no place for data.',
  ],
  'redirect-uri-not-registered': [
    'The redirect URI is none that the client registered.',
    'Add it to `clients` where you configured the client; else the client has to register anew.',
  ],
  'own-redirect-uri': [
    'The redirect URI is an address of this server.',
    'Nothing: answers sent here would be taken for the provider’s.',
  ],
  'unsupported-response-type': [
    'Another response_type than `code`.',
    'Look at the client: OAuth 2.1 has no other.',
  ],
  'unsupported-response-mode': [
    'Another response_mode than `query`.',
    'Look at the client: MCP has no other.',
  ],
  'pkce-missing': ['There is no code_challenge.', 'Look at the client: MCP demands PKCE.'],
  'pkce-not-s256': ['The code_challenge_method is not S256.', 'Look at the client: MCP demands S256.'],
  'pkce-malformed': [
    'The code_challenge or code_verifier does not have the form of one.',
    'Look at the client: RFC 7636 says what it has to be.',
  ],
  'malformed-scope': ['The scope has characters that no scope has.', 'Look at the client.'],
  'unknown-scope': [
    'No requested scope is one of `scopes`.',
    'Add it to `scopes`, or tell the client which there are.',
  ],
  'client-lacks-scope': [
    'The client may not have a scope that the MCP server requires.',
    'Add the scope to the client’s `scopes` in `clients`. A registered client has to register it.',
  ],
  'outside-url': [
    'The path is not below the path of `url`, so nothing is served there.',
    'Compare `url` with the address that clients use. A reverse proxy in front must not strip the path. If you own only that path, set `discovery.belowPath`.',
  ],
  'scope-too-wide': ['More scope is asked for than was granted.', 'Nothing: the client has to ask the user.'],
  'unknown-resource': [
    'The requested resource is no server of this proxy.',
    'Compare the URL in the client with `url` and `mcp`.',
  ],
  'unsupported-grant-type': [
    'A grant_type that is not offered.',
    'Set `clientCredentials` where a client is meant to have tokens for itself.',
  ],
  'foreign-origin': [
    'A page of another origin called, or sent the form.',
    'Add the origin to `origins` where it may call the MCP server.',
  ],
  'wrong-form-token': [
    'The form is of another session, or was altered.',
    'Nothing: the user can open the page anew.',
  ],
  'no-consent-cookie': [
    'The consent form came from a browser without its cookie.',
    'Nothing, unless it happens to everybody: then something in front drops cookies.',
  ],
  'bad-consent-form': [
    'The consent form was altered, or sealed with a secret that is gone.',
    'Keep the previous secret in `secret` for a while when you change it.',
  ],
  'no-sign-in-cookie': [
    'The provider’s answer came to a browser without the cookie of the sign-in.',
    'Nothing, unless it happens to everybody: then `url` is not where the browsers are, or something drops cookies.',
  ],
  'bad-sign-in-cookie': [
    'The cookie of the sign-in does not open.',
    'Keep the previous secret in `secret` for a while when you change it.',
  ],
  'sign-in-expired': [
    'The sign-in took longer than `signInTtl`.',
    'Raise `signInTtl` where the provider’s pages take their time.',
  ],
  'denied-by-user': ['The user said no on the consent page.', 'Nothing.'],
  'limit-address': [
    'Too many requests from one address.',
    'Raise `limits.address` where many people share it.',
  ],
  'limit-client': [
    'Too many token requests of one client from one address.',
    'Raise `limits.client` where it is a hosted client.',
  ],
  'limit-user': ['Too many requests of one user.', 'Raise `limits.user` where their work needs it.'],
  'limit-streams': [
    'One user has too many event streams or unanswered requests open.',
    'Look at the client. Raise `limits.streams` if the user needs more.',
  ],
  'limit-all-streams': [
    'All users together have too many event streams or unanswered requests open.',
    'Add instances, or raise `limits.allStreams` and the limit of open files.',
  ],
  'limit-failures': [
    'A client failed too often: wrong secrets, codes or refresh tokens.',
    'See the events before it: a wrong setting, or somebody who guesses.',
  ],
  'limit-tokens': [
    'Too many bearer tokens from one address that are none.',
    'See the events before it: a client that does not sign in anew, or somebody who guesses.',
  ],
} as const
