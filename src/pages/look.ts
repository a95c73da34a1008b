import { digest } from '../crypto/digest.ts'
import { styleSheet } from './style.ts'
import { ENGLISH, type Texts } from './texts.ts'
import { ACCENT, type Theme } from './theme.ts'

/** What all pages of one proxy share: made once from the options. */
export interface Look {
  readonly texts: Texts
  /** Shown above every page. */
  readonly brand: string
  readonly logo: string | undefined
  readonly style: string
  /** What the style and the logo need of the page's `Content-Security-Policy`. */
  readonly policy: string
}

/** The source expression that allows exactly this inline text. */
export const hashSource = (text: string): string => {
  const base64 = digest(text).replaceAll('-', '+').replaceAll('_', '/')
  return `'sha256-${base64}='`
}

export function createLook(name: string, theme: Theme = {}, texts: Partial<Texts> = {}): Look {
  const style = styleSheet(theme.accent ?? ACCENT)
  const { logo } = theme
  const images = logo && ` img-src ${logo.startsWith('data:') ? 'data:' : logo};`
  let policy: string | undefined
  return {
    texts: { ...ENGLISH, ...texts },
    brand: theme.name ?? name,
    logo,
    style,
    // Hashed with the first page: a process that starts has something else to answer first.
    get policy() {
      policy ??= `style-src ${hashSource(style)};${images ?? ''}`
      return policy
    },
  }
}
