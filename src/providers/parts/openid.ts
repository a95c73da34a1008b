/** Scopes for who somebody is. */
export const IDENTITY: readonly string[] = ['openid', 'profile', 'email']

/** The same, with a refresh token. */
export const OFFLINE: readonly string[] = [...IDENTITY, 'offline_access']
