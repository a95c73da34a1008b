/** Reasons about clients: registration, metadata documents and client authentication. */
export const clients = {
  'unknown-client': [
    'No client has this id. It was never registered, or it was sealed with a secret that was removed.',
    'Keep the previous secret in `secret` when you change it. The client can register again.',
  ],
  'missing-client-id': ['The request names no client.', 'Report it to the author of the client.'],
  'client-id-mismatch': [
    'The `client_id` differs from the one in the credentials.',
    'Report it to the author of the client.',
  ],
  'wrong-client-secret': [
    'The client secret is wrong.',
    'Compare it with `clients`. A registered client can register again.',
  ],
  'wrong-auth-method': [
    'The client authenticates by a method it is not registered for; `detail` names the method.',
    'Compare `clients` with the settings of the client.',
  ],
  'multiple-auth-methods': [
    'The client authenticates by two methods in one request.',
    'Report it to the author of the client.',
  ],
  'malformed-credentials': [
    'The client credentials cannot be parsed; `detail` says which part.',
    'Report it to the author of the client.',
  ],
  'invalid-client-assertion': [
    'The signed assertion of the client is not valid; `detail` says why.',
    'Compare its audience with the issuer, its times with the clock, and its key with `jwks`.',
  ],
  'assertion-replayed': [
    'An assertion was sent a second time.',
    'Make the client send a new one with each request. Otherwise suspect that it was recorded.',
  ],
  'client-keys-unavailable': [
    'The keys of the client could not be fetched from its `jwks_uri`.',
    'Check that the address responds, also from this server.',
  ],
  'registration-off': ['Registration is off.', 'Set `registration` if clients may register themselves.'],
  'registration-not-json': ['The registration is not JSON.', 'Report it to the author of the client.'],
  'invalid-client-metadata': [
    'A member of the registration is not valid; `detail` names it.',
    'Report it to the author of the client.',
  ],
  'invalid-redirect-uri': [
    'A redirect URI may not be registered; `detail` says which.',
    'Allow its scheme with `redirectUris` if you trust it.',
  ],
  'registration-too-long': [
    'The registration is too long to be sealed into a client id.',
    'Set `registration` to `stored` to serve such clients.',
  ],
  'registration-policy': [
    '`registrationPolicy` refused the registration.',
    'Nothing: your own policy decided.',
  ],
  'registration-busy': [
    'Too many changes of one registration arrived at once.',
    'Nothing: the client can try again.',
  ],
  'registration-changed': ['A client changed its registration.', 'Nothing.'],
  'registration-deleted': ['A client deleted its registration.', 'Nothing.'],
  'client-metadata-address-refused': [
    'The client id is not an address that may publish client metadata; `detail` says why.',
    'Add its host to `clientDocuments.hosts` if you limit hosts.',
  ],
  'client-metadata-unavailable': [
    'The metadata document of the client could not be fetched.',
    'Check that its address returns JSON of at most 5 KiB within 5 seconds, from a public address. Without outgoing network access, set `clientDocuments.accept` to `false`.',
  ],
  'no-way-to-documents': [
    'No metadata document of a client can be fetched, so they are not announced: none of the hosts in `detail` responds.',
    'Allow outgoing https to them, or set HTTPS_PROXY. Set `clientDocuments.accept` (LOCKGATE_CLIENT_DOCUMENTS_ACCEPT) to `false` if that is not wanted, or to `true` to announce documents in any case.',
  ],
  'client-metadata-refused': [
    'The metadata document of the client is not valid; `detail` says why.',
    'Report it to the publisher of the document.',
  ],
  'client-metadata-busy': [
    'Too many documents are being fetched, or this address failed repeatedly.',
    'Nothing. If it lasts, look for a caller that names many addresses.',
  ],
} as const
