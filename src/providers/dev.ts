/** A sign-in without a provider, for development. */
export interface DevelopmentSignIn {
  readonly login: string
  readonly name: string
  readonly id: string
  readonly development: true
}

const make = (): DevelopmentSignIn => ({
  login: '/sign-in-as',
  name: 'a user of your choice',
  id: 'dev',
  development: true,
})

/**
 * Returns a sign-in for development, for the option `upstream`: a page "Sign in as …" with an e-mail address and groups to
 * choose. Every visitor may be any user, so it works on loopback only. Options with a public `url` are refused, and so are
 * requests from another machine.
 *
 * @example
 * createProxy({ url: 'http://localhost:8787', upstream: dev(), … })
 */
export const dev: () => DevelopmentSignIn = Object.assign(make, { definition: { id: 'dev' } })
