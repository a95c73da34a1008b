/** The user, client and scopes of a token. */
export interface AuthFacts {
  /** The bearer token. The MCP SDK names it so. Never send it anywhere. */
  readonly token: string
  /** The short key of the client. */
  readonly clientId: string
  readonly scopes: string[]
  /** The expiry of the token, in seconds since the epoch. */
  readonly expiresAt: number
  /** The URL of the MCP server. */
  readonly resource: URL
  readonly extra: {
    /** The grant, as `<user>.<id>` in events. Absent for an API key. */
    readonly grant?: string | undefined
    /** The name of the API key. Absent for a sign-in. */
    readonly apiKey?: string | undefined
    /** The name of the client, as it registered it. Not verified. */
    readonly clientName: string
  }
  readonly user: {
    /** A keyed hash that is stable for one person at one provider, and reveals nothing about them. */
    readonly id: string
    /** A person; a client or a workload that acts for itself; an API key; or a caller without a token. */
    readonly kind: 'person' | 'client' | 'workload' | 'key' | 'anonymous'
    readonly email?: string | undefined
    /** `true` if the provider verified the address. Otherwise the user may have typed any address. */
    readonly emailVerified: boolean
    readonly name?: string | undefined
    /** The claims of the provider about the user. */
    readonly claims: Readonly<Record<string, unknown>>
  }
  readonly upstream: {
    /** The id of the provider that the user signed in at. Absent for an API key. */
    readonly provider: string | undefined
    /**
     * Returns the provider's access token. Refreshes it first if it is about to expire.
     *
     * @param options.refused A token that the provider's API has just refused with 401. It is refreshed once, however many
     * calls name it. A sign-in that cannot be refreshed ends.
     * @throws {OAuthError} `invalid_grant` if the sign-in at the provider has ended. `bad_gateway` if the refused token is
     * less than a minute old. `access_denied` for a user without a provider token, such as an API key.
     * @throws {UpstreamUnavailable} If the provider fails for now.
     *
     * @example
     * ```ts
     * let token = await auth.upstream.accessToken()
     * let response = await fetch(api, { headers: { authorization: `Bearer ${token}` } })
     * if (response.status === 401) {
     *   token = await auth.upstream.accessToken({ refused: token })
     *   response = await fetch(api, { headers: { authorization: `Bearer ${token}` } })
     * }
     * ```
     */
    accessToken(options?: { refused?: string | undefined }): Promise<string>
  }
}

/** The user, client and scopes of a request, for an MCP server in this process. */
export interface Auth extends AuthFacts {
  /** Returns whether the token has all these scopes, by themselves or because a broader one implies them. */
  has(...scopes: readonly string[]): boolean
  /**
   * Refuses the request unless the token has all these scopes. Let the exception leave the handler. A response that is no
   * event stream is replaced by the refusal even if a library catches the exception. The client then asks its user for
   * these scopes, and sends the request again.
   *
   * @throws {OAuthError} `insufficient_scope`
   * @see [MCP, Scope Challenge Handling](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling)
   */
  require(...scopes: readonly string[]): void
}

/** A caller without a token, at a server with `public`. */
export interface AnonymousAuth extends Pick<Auth, 'resource' | 'has' | 'require'> {
  readonly token?: undefined
  readonly clientId?: undefined
  readonly scopes: string[]
  readonly user?: undefined
}

/**
 * An MCP server in this process.
 *
 * @param auth The user, client and scopes of the request. With `public`, a caller without a token has no `auth.user`.
 */
export type McpHandler = (request: Request, auth: Auth) => Response | Promise<Response>
