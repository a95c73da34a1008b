/** The part of Vercel's package that the guide uses, for the type check: the package itself is not installed with the others. */
declare module '@vercel/functions' {
  export function ipAddress(input: Request | Headers): string | undefined
  export const waitUntil: (promise: Promise<unknown>) => void
}
