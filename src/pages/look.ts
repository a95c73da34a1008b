import { digest } from '../crypto/digest.ts'
import { withoutGaps } from '../validation/shape.ts'
import { styleSheet } from './style.ts'
import { ENGLISH, type SomeTexts, type Texts } from './texts.ts'
import { ACCENT, type Theme } from './theme.ts'

/** The look of all pages of one proxy, made once from the options. */
export interface Look {
  readonly texts: Texts
  /** The name of this server. */
  readonly server: string
  /** The host of this server. */
  readonly host: string
  /** Shown above every page. */
  readonly brand: string
  readonly logo: string | undefined
  readonly style: string
  /** The directives of the `Content-Security-Policy` that the style and the logo need. */
  readonly policy: string
}

/** Returns the source expression that allows exactly this inline text. */
export const hashSource = (text: string): string => {
  const base64 = digest(text).replaceAll('-', '+').replaceAll('_', '/')
  return `'sha256-${base64}='`
}

export function createLook(
  { server, host }: { readonly server: string; readonly host: string },
  theme: Theme = {},
  texts: SomeTexts = {},
): Look {
  const style = styleSheet(theme.accent ?? ACCENT)
  const { logo } = theme
  const images = logo && ` img-src ${logo.startsWith('data:') ? 'data:' : logo};`
  let policy: string | undefined
  return {
    texts: { ...ENGLISH, ...withoutGaps(texts) } as Texts,
    server,
    host,
    brand: theme.name ?? server,
    logo,
    style,
    // Hashed for the first page, to keep start-up fast.
    get policy() {
      policy ??= `style-src ${hashSource(style)};${images ?? ''}`
      return policy
    },
  }
}
