/** One change of the product that takes a protection away. */
export interface Plant {
  readonly name: string
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** The store to look on, `atomic` by default. */
  readonly store?: 'atomic' | 'process' | 'eventual'
}

/** The protections that the distributed protocol rests on. */
export const PLANTS: readonly Plant[] = [
  {
    name: 'the compare of versions',
    file: 'src/grants/grants.ts',
    find: 'if (await store.swap(recordKey(key), found.version, encode(key, grant), ttl)) {',
    replace: 'await store.set(recordKey(key), encode(key, grant), ttl)\n        if (ttl > 0) {',
  },
  {
    name: 'the lease',
    file: 'src/connections/lease.ts',
    find: 'const isTaken = shared && isHeld(key, connection?.leasedUntil)',
    replace: 'const isTaken = isHeld === undefined',
  },
  {
    name: 'the further attempts to save new tokens',
    file: 'src/connections/renewal.ts',
    find: 'const maySaveAgain = (error: unknown) => (isTemporary(error) ? 0 : undefined)',
    replace: 'const maySaveAgain = (error: unknown) => (isTemporary(error) ? undefined : undefined)',
  },
  {
    name: 'the grace check',
    file: 'src/grants/grant.ts',
    find: 'if (repeats && ageOf(grant.rotatedAt, now) <= rules.refreshGrace) {',
    replace: 'if (repeats) {',
  },
  {
    name: 'the reuse check',
    file: 'src/grants/grant.ts',
    find: 'const repeats = use.generation === grant.generation - 1 && rules.refreshGrace > 0',
    replace: 'const repeats = use.generation < grant.generation',
  },
  {
    name: 'the resealing',
    file: 'src/grants/grants.ts',
    find: 'const grant = parts.reseal(key, decision.grant)',
    replace: 'const { grant } = decision',
  },
  {
    name: 'the binding of an identity to its record',
    file: 'src/grants/sealed-parts.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text of the product
    find: '`${part}\\n${recordKey(key)}`',
    replace: 'part + (recordKey(key) && "")',
  },
  {
    name: 'the comparison of the user',
    file: 'src/connections/recheck.ts',
    find: 'if (!isSameUser(identity, previous))',
    replace: 'if (!isSameUser)',
  },
  {
    name: 'the check of a negative age',
    file: 'src/age.ts',
    find: 'return moment - now <= seconds.clockSkew ? 0 : Number.POSITIVE_INFINITY',
    replace: 'return seconds.clockSkew && 0',
  },
  {
    name: 'the tenant of a token',
    file: 'src/endpoints/mcp.ts',
    find: '(await tenant).id !== admission.provider',
    replace: '(await tenant).id === ""',
  },
  {
    name: 'the tenant of a refresh token',
    file: 'src/endpoints/token/exchange.ts',
    find: 'if (tenant && tenant.id !== providerOf(grant))',
    replace: 'if (tenant && providerOf(grant) === "")',
  },
  {
    name: 'the tenant in the name of a user',
    file: 'src/sign-in/provider-choice.ts',
    find: 'upstreams.tenants ? provider : undefined',
    replace: 'upstreams.tenants ? provider && undefined : undefined',
  },
  {
    name: 'the tenant of a callback',
    file: 'src/sign-in/provider-choice.ts',
    find: 'if (upstream && isRequested && upstream.callback === here) return upstream',
    replace: 'if (upstream && (isRequested || here)) return upstream',
  },
  {
    name: 'the replay check of assertions',
    file: 'src/assertions/assertions.ts',
    find: "if (!isNew) throw refuse('assertion-replayed')",
    replace: 'void isNew',
  },
]
