/** What the identity provider said, or did not. */
export const providers = {
  'malformed-provider-token': [
    'The provider’s access token has characters that no HTTP header can hold.',
    'Look at the provider: RFC 6750 says what an access token may contain.',
  ],
  'provider-error': [
    'The provider responded with an error; `detail` has its codes.',
    'Look them up in the provider’s documentation.',
  ],
  'provider-refuses-application': [
    'The provider refuses this application, not the user; `detail` has its codes. Grants stay alive.',
    'Check the client secret, the callback URL and the permissions of the application at the provider.',
  ],
  'provider-answer-invalid': [
    'The provider’s response is not valid; `detail` says what is wrong with it.',
    'Follow `detail`; an issuer must be spelled exactly as in the discovery document.',
  ],
  'provider-unreachable': [
    'The provider did not answer, or with 429 or 5xx; `detail` says where.',
    'See that the address answers from this server; otherwise wait.',
  ],
  'provider-discovery': [
    'The provider has no usable discovery document; `detail` says where.',
    'Spell the issuer exactly as the document does.',
  ],
  'provider-incomplete': [
    'The provider has no authorization endpoint.',
    'Name its endpoints, or another issuer.',
  ],
  'provider-issuer-differs': [
    'The authorization response names another issuer; `detail` has both.',
    'Spell the issuer as the provider does. Otherwise an attacker mixes up providers.',
  ],
  'provider-tenant-refused': [
    'The account is of a tenant that is not let in; `detail` names the claim.',
    'Widen the tenants of the provider’s options where they may come in.',
  ],
  'identity-missing': [
    'The provider did not say who signed in; `detail` says what was missing.',
    'Ask for the scopes that tell it, or correct `identity`.',
  ],
  'unknown-tenant': ['`upstream` knows no tenant for the request.', 'Nothing, unless it should know it.'],
  'tenant-not-met': [
    'No request of the tenant came to this process lately, so its provider is not known.',
    'Nothing: the next request of the tenant brings it.',
  ],
  'unknown-provider': [
    'The form or the request names no provider of this server.',
    'Nothing, unless providers were just renamed.',
  ],
  'answer-of-another-provider': [
    'The answer came to the callback of another provider.',
    'See that each provider has its own callback URL. Or somebody mixes up providers.',
  ],
  'not-a-sign-in-of-the-application': [
    'The application tried to end a sign-in that was sent to a provider, or the other way round.',
    'Look at the application’s page.',
  ],
  'not-in-allow': ['Who signed in is not in `allow`.', 'Add them where they may come in.'],
  'provider-granted-nothing': [
    'The provider granted none of the scopes that `scopes` maps to.',
    'Compare `scopes` with what the provider’s application may ask for.',
  ],
  'provider-took-scopes-back': [
    'The provider took back every scope: the grant was ended.',
    'Nothing: the user can sign in again.',
  ],
  'provider-token-expired': [
    'The provider’s token has expired and it gave none to refresh it: the grant was ended.',
    'Ask the provider for refresh tokens, often by a scope such as `offline_access`.',
  ],
  'provider-token-refused': [
    'The provider’s token is refused and it gave none to refresh it: the grant was ended.',
    'Ask the provider for refresh tokens, often by a scope such as `offline_access`.',
  ],
  'provider-token-kept': [
    'A refresh failed; the provider’s token is used until it expires.',
    'See `error`; otherwise wait.',
  ],
  'provider-token-renewed': [
    'The service behind refused the provider’s token; it was refreshed, and the client asks again.',
    'Nothing.',
  ],
  'provider-token-refused-young': [
    'The service behind refuses a token that was issued just now.',
    'See which audience or scopes that service wants.',
  ],
  'refresh-answer-lost': [
    'An answer of the provider to a refresh was lost, and it takes the old token no more: the grant was ended.',
    'Nothing: the user can sign in again.',
  ],
  'refresh-of-another-person': [
    'The provider refreshed the tokens of another subject: the grant was ended.',
    'Report it to the provider.',
  ],
  'revocation-refused': [
    'The provider refused to end its tokens.',
    'See the provider’s documentation on revocation.',
  ],
  'provider-tokens-not-ended': [
    'The provider’s tokens could not be ended, after several attempts.',
    'See `error`; end them at the provider where it matters.',
  ],
  'no-provider-token': [
    'The user has no token of a provider: they signed in at the application itself, or by a key; `detail` says which.',
    'Do not ask for it, or give one in `completeAuthorization`.',
  ],
  'provider-refuses-token': [
    'The provider’s API refuses the token that the client shows as a key.',
    'Nothing: it is over.',
  ],
} as const
