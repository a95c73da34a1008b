import * as v from 'valibot'
import { createLook, type Look } from '../pages/look.ts'
import { type SomeTexts, TextsSchema } from '../pages/texts.ts'
import { type Theme, ThemeSchema } from '../pages/theme.ts'
import { type Entries, flag, label, type WithDefaults } from '../validation/shape.ts'

/** Options about the pages that users see. */
export interface PagesOptions {
  /** The name of this server on its pages. By default the host of `url`. */
  name?: string | undefined
  /** The appearance of the pages. */
  theme?: Theme | undefined
  /** Texts of the pages in other words or another language, by the names of the type `Texts`. */
  texts?: SomeTexts | undefined
  /**
   * Serves `/account`, on which users see and disconnect their connected apps.
   *
   * @default true
   */
  account?: boolean | undefined
}

const DEFAULTS = { account: true } as const

export type PagesParsed = WithDefaults<PagesOptions, typeof DEFAULTS>

export const pagesEntries: Entries<PagesOptions, PagesParsed> = {
  name: v.optional(label),
  theme: v.optional(ThemeSchema),
  texts: v.optional(TextsSchema),
  account: v.optional(flag, DEFAULTS.account),
}

export interface PagesSettings {
  readonly name: string
  /** The appearance that all pages share. */
  readonly look: Look
  readonly account: boolean
}

/** @param url The public URL. */
export function settlePages(options: PagesParsed, url: string): PagesSettings {
  const { host } = new URL(url)
  const { name = host, theme, texts, account } = options
  return { name, look: createLook({ server: name, host }, theme, texts), account }
}
