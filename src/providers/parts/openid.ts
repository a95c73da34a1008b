/** The scopes of the user's identity. */
export const IDENTITY: readonly string[] = ['openid', 'profile', 'email']

/** The scopes of the user's identity, with a refresh token. */
export const OFFLINE: readonly string[] = [...IDENTITY, 'offline_access']
