/** Who is asking: registration, documents, and the proof of a client. */
export const clients = {
  'unknown-client': [
    'No client has this id: never registered, or sealed with a secret that is gone.',
    'Keep the previous secret in `secret` when you change it; the client can register anew.',
  ],
  'missing-client-id': ['The request names no client.', 'Look at the client.'],
  'client-id-differs': ['The client_id is another than that of the credentials.', 'Look at the client.'],
  'wrong-client-secret': [
    'The client’s secret is not its own.',
    'Compare it with `clients`; a registered client can register anew.',
  ],
  'wrong-auth-method': [
    'The client proves itself in a way it did not register; `detail` says which.',
    'Compare `clients` with how the client is set up.',
  ],
  'several-auth-methods': ['The client proves itself in two ways at once.', 'Look at the client.'],
  'malformed-credentials': [
    'The client’s credentials cannot be read; `detail` says which.',
    'Look at the client.',
  ],
  'bad-assertion': [
    'The client’s signed assertion does not hold; `detail` says why.',
    'Compare its audience with the issuer, its clock with the time, its key with `jwks`.',
  ],
  'assertion-replayed': [
    'A client’s assertion came a second time.',
    'Look at the client: each is good once. Or somebody recorded it.',
  ],
  'client-keys-away': [
    'The keys of a client could not be fetched from its `jwks_uri`.',
    'See that the address answers, from this server too.',
  ],
  'registration-off': ['Registration is off.', 'Set `registration` where clients may register themselves.'],
  'registration-not-json': ['The registration is no JSON.', 'Look at the client.'],
  'bad-client-metadata': ['A member of the registration is wrong; `detail` names it.', 'Look at the client.'],
  'bad-redirect-uri': [
    'A redirect URI may not be registered; `detail` names which.',
    'Allow its scheme by `redirectUris` where you trust it.',
  ],
  'registration-too-long': [
    'The registration is too long to be sealed into an id.',
    'Set `registration` to `stored` where such clients are to be served.',
  ],
  'registration-policy': ['`registrationPolicy` refused the registration.', 'Nothing: it is your own word.'],
  'registration-busy': [
    'Too many changes of one registration at once.',
    'Nothing: the client may ask again.',
  ],
  'registration-changed': ['A client changed its registration.', 'Nothing.'],
  'registration-deleted': ['A client deleted its registration.', 'Nothing.'],
  'document-address': [
    'The client’s id is no address whose document is accepted; `detail` says why.',
    'Add its host to `clientDocuments.hosts` where you limit them.',
  ],
  'document-away': [
    'The client’s document could not be fetched.',
    'See that its address answers with JSON, at most 5 KiB within 5 seconds, from a public address.',
  ],
  'document-refused': [
    'The client’s document says something wrong; `detail` says what.',
    'Tell whoever publishes it.',
  ],
  'document-busy': [
    'Too much is fetched at once, or the address failed again and again.',
    'Nothing, unless it stays: then somebody names many addresses.',
  ],
} as const
