/** Reasons about assertions of trusted issuers: ID-JAGs and tokens of workloads. */
export const assertions = {
  'assertion-malformed': [
    'The assertion is not a signed JWT of at most 16 KiB; `detail` says what is wrong.',
    'Report it to the author of the client, or to the issuer.',
  ],
  'assertion-type': [
    'The token is of a type that may not be used here, such as an ID token or an access token.',
    'Make the client request an ID-JAG, or the token of its workload, from the issuer.',
  ],
  'assertion-issuer-unknown': [
    'The issuer of the assertion is not in `trustedIssuers`, or not for this use.',
    'Add it with this `use` if you trust it. It is compared character by character.',
  ],
  'assertion-signature': [
    'The signature of the assertion is not valid, or its algorithm or key is not accepted; `detail` says which.',
    'Compare `algorithms` and `jwks` with the issuer. Otherwise suspect a forgery.',
  ],
  'assertion-expired': [
    'The assertion has expired, is not valid yet, or is valid for too long; `detail` says which.',
    'Compare both clocks, and `maxLifetime` with the lifetime that the issuer gives.',
  ],
  'assertion-audience': [
    'The assertion is for another audience; `detail` has both values.',
    'Enter the expected value at the issuer exactly, without a slash at its end, or set `audience`.',
  ],
  'assertion-claims': [
    'A claim of the assertion is missing or not acceptable; `detail` names it.',
    'Change the configuration at the issuer.',
  ],
  'assertion-of-another-client': [
    'The assertion was issued to another client; `detail` names it.',
    'Enter the `client_id` that the client sends at the issuer.',
  ],
  'assertion-resource': [
    'The assertion or the request is for an MCP server that is not served here, or not for this issuer.',
    'Compare `resource` at the issuer with the URL of the MCP server.',
  ],
  'assertion-without-scope': [
    'Nothing is left of the scope after the limits of the request, the assertion and the issuer.',
    'Compare the scopes at the issuer with `scopes`, and with those of the entry in `trustedIssuers`.',
  ],
  'assertion-grant-refused': [
    'The client may not exchange assertions.',
    'Add it to `clients`, or its metadata document to `ema.clients`.',
  ],
  'workload-without-rule': [
    'The token of the workload is valid, but no rule of its issuer matches its claims.',
    'Compare `rules` with the claims of the token.',
  ],
  'issuer-keys-unavailable': [
    'The keys of a trusted issuer could not be fetched; `detail` says why.',
    'Check that the issuer responds, also from this server, or set `jwks`. `lockgate doctor` tries it.',
  ],
  'issuer-not-configured': [
    'The grant rests on an assertion of an issuer that is not in `trustedIssuers` any more.',
    'Add the issuer again, or let the client authenticate again.',
  ],
} as const
