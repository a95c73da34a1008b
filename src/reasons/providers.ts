/** Reasons about the identity provider and its responses. */
export const providers = {
  'exchange-needs-sign-in': [
    'The provider exchanges the token of this user only after another sign-in; `detail` has its codes.',
    'Nothing: the user signs in again. If it repeats at once, the provider needs consent of an administrator, or another policy.',
  ],
  'exchange-misconfigured': [
    'The provider, or the authorization server behind, refuses the exchange itself; `detail` has its codes.',
    'Compare `upstreamToken` with the application at the provider: audience, scope, client, and whether it may exchange tokens.',
  ],
  'exchange-response-invalid': [
    'The response of a token exchange is not what was asked for; `detail` says how.',
    'Compare `requestedTokenType` with what the provider issues. If it leaves out `issued_token_type`, set `acceptMissingType`.',
  ],
  'malformed-provider-token': [
    'The provider’s access token has characters that no HTTP header can hold.',
    'Report it to the provider: RFC 6750 says what an access token may contain.',
  ],
  'provider-error': [
    'The provider responded with an error; `detail` has its codes.',
    'Look them up in the provider’s documentation.',
  ],
  'provider-refuses-application': [
    'The provider refuses this application, not the user; `detail` has its codes. Grants stay alive.',
    'Check the client secret, the callback URL and the permissions of the application at the provider.',
  ],
  'client-assertion-failed': [
    'The proof of this application for the provider could not be made; `detail` says why. Grants stay alive.',
    'Check `clientAssertion`: the key and its algorithm, or the function or file with the token.',
  ],
  'provider-response-invalid': [
    'The response of the provider is not valid; `detail` says why.',
    'Follow `detail`. The issuer must be spelled exactly as in the discovery document.',
  ],
  'provider-unreachable': [
    'The provider did not respond, or responded with 429 or 5xx; `detail` names the address.',
    'Check that the address responds from this server. Otherwise wait.',
  ],
  'provider-discovery-failed': [
    'The provider has no usable discovery document; `detail` names the issuer.',
    'Spell the issuer exactly as the document does.',
  ],
  'provider-endpoint-missing': [
    'The provider lacks an endpoint; `detail` names it.',
    'Set the endpoints of the provider, or leave out the option that needs this one, such as `pushedRequests`.',
  ],
  'provider-issuer-mismatch': [
    'The authorization response names another issuer; `detail` has both.',
    'Spell the issuer exactly as the provider does. Otherwise suspect a mix-up attack.',
  ],
  'provider-tenant-refused': [
    'The account belongs to a tenant that is not allowed; `detail` names the claim.',
    'Add the tenant to the options of the provider if its users may sign in.',
  ],
  'identity-missing': [
    'The provider did not say who signed in; `detail` names the missing part.',
    'Request the scopes that provide it, or correct `identity`.',
  ],
  'tenant-not-found': [
    '`upstream` returned no provider for the request.',
    'Nothing, unless the tenant exists.',
  ],
  'tenant-unknown': [
    'This process has not seen a request of the tenant yet, so it does not know its provider.',
    'Nothing: the next request of the tenant names it.',
  ],
  'unknown-provider': [
    'The form or the request names a provider that this server does not have.',
    'Nothing, unless providers were renamed.',
  ],
  'response-of-another-provider': [
    'The response reached the callback of another provider.',
    'Register for each provider its own callback URL. Otherwise suspect a mix-up attack.',
  ],
  'sign-in-method-mismatch': [
    'The application tried to complete a sign-in that was sent to a provider, or the other way round.',
    'Let the page call `completeAuthorization` only for the `state` that Lockgate sent to it.',
  ],
  'not-in-allow': [
    'The user is not in `allow`; `detail` says why if it is known.',
    'Add the user to `allow` if they may sign in.',
  ],
  'provider-granted-nothing': [
    'The provider granted none of the scopes that `scopes` maps to.',
    'Compare `scopes` with the permissions of the application at the provider.',
  ],
  'provider-scopes-withdrawn': [
    'The provider withdrew every scope, so the grant was ended.',
    'Nothing: the user can sign in again.',
  ],
  'provider-token-expired': [
    'The provider’s token expired and there is no refresh token, so the grant was ended.',
    'Request refresh tokens from the provider, often with a scope such as `offline_access`.',
  ],
  'provider-token-refused': [
    'The provider’s token is refused and there is no refresh token, so the grant was ended.',
    'Request refresh tokens from the provider, often with a scope such as `offline_access`.',
  ],
  'refresh-slow': [
    'The refresh of the provider’s tokens takes longer than a request waits.',
    'Check that the provider responds.',
  ],
  'refresh-queued': [
    'Too many refreshes at the provider at once: this one found no free place in time.',
    'Check that the provider responds. Otherwise nothing: the client tries again.',
  ],
  'refresh-by-another-instance': [
    'Another instance refreshes the provider’s tokens and takes too long, or ended while doing so.',
    'Nothing, unless it lasts over half a minute. Then compare the clocks of the instances.',
  ],
  'provider-refresh-failed': [
    'A refresh failed. The provider’s token is used until it expires.',
    'Read `error`. Otherwise wait.',
  ],
  'provider-token-refreshed': [
    'The MCP server refused the provider’s token. It was refreshed, and the client tries again.',
    'Nothing.',
  ],
  'fresh-provider-token-refused': [
    'The MCP server refuses a provider token that was issued less than a minute ago.',
    'Check which audience or scopes the MCP server requires.',
  ],
  'refresh-response-lost': [
    'The response to a refresh was lost and the provider does not accept the old token any more, so the grant was ended.',
    'Nothing: the user can sign in again.',
  ],
  'refresh-subject-mismatch': [
    'The provider returned the tokens of another user, so the grant was ended.',
    'Report it to the provider.',
  ],
  'provider-revocation-refused': [
    'The provider refused to revoke its tokens.',
    'Read the provider’s documentation on revocation.',
  ],
  'provider-tokens-not-revoked': [
    'The provider’s tokens could not be revoked after several attempts.',
    'Read `error`. Revoke them at the provider if necessary.',
  ],
  'no-provider-token': [
    'The user has no provider token, because they signed in at the application or with a key; `detail` says which.',
    'Do not use `accessToken()` or `forward: upstream-token` for them. For a sign-in of your own, pass `token` to `completeAuthorization`.',
  ],
  'provider-bearer-refused': [
    'The provider’s API refuses the token that the client sent as bearer token.',
    'Nothing: the token has expired or was revoked.',
  ],
} as const
