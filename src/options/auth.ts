/** What a handler, or the MCP server behind, learns of a request that passed the guard. */
export interface Auth {
  /** The bearer token. Named so by the MCP SDK; send it nowhere. */
  readonly token: string
  /** The client's short key. */
  readonly clientId: string
  readonly scopes: string[]
  /** Seconds since the epoch. */
  readonly expiresAt: number
  readonly resource: URL
  readonly extra: Record<string, unknown>
  readonly user: {
    /** Stable for one person at one provider; tells nothing about them. */
    readonly id: string
    readonly email?: string | undefined
    /** Whether the provider vouches for the address. Where it does not, anybody may have typed it. */
    readonly emailVerified: boolean
    readonly name?: string | undefined
    readonly claims: Readonly<Record<string, unknown>>
  }
  readonly upstream: {
    /** The id of the provider they signed in at; none for a key of `apiKeys`. */
    readonly provider: string | undefined
    /**
     * The provider's access token, refreshed first where it is about to expire.
     *
     * @param options.refused The token that the provider's API has just answered with 401: then another one, refreshed
     * once however many ask. A sign-in that cannot be refreshed has ended with it.
     * @throws {OAuthError} `invalid_grant` where the sign-in at the provider has ended, `temporarily_unavailable`,
     * `bad_gateway` where a token is refused that was issued in this very minute, or `access_denied` where nobody signed
     * in there, as with a key of `apiKeys`.
     */
    accessToken(options?: { refused?: string | undefined }): Promise<string>
  }
}

/** An MCP server in the same process. */
export type McpHandler = (request: Request, auth: Auth) => Response | Promise<Response>
