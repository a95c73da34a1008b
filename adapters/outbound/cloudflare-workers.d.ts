/** The part of the platform's module that is used here. */
declare module 'cloudflare:workers' {
  /** Keeps work running after the response of the request that is being handled. */
  export const waitUntil: ((work: Promise<unknown>) => void) | undefined
}
