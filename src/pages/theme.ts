import * as v from 'valibot'
import { parseUrl } from '../http/parse-url.ts'
import { label, shape } from '../validation/shape.ts'

/** Changes to the look of the pages. */
export interface Theme {
  /** The name above the pages. By default the name of this server. */
  name?: string | undefined
  /** The picture beside the name: an https address without query, or `data:image/…;base64,…`. */
  logo?: string | undefined
  /**
   * The colour of buttons and links as `#rrggbb`, with a contrast of at least 4.5 to 1 on white. Dark pages use a lighter
   * shade of it.
   *
   * @default '#1f5fd0'
   */
  accent?: string | undefined
}

export const ACCENT = '#1f5fd0'

/** The background of links and borders in dark mode. */
const DARK = '#1b1f26'

const channels = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))

/** @see [WCAG 2.2, relative luminance](https://www.w3.org/TR/WCAG22/#dfn-relative-luminance) */
function luminance(colour: string): number {
  const [red, green, blue] = channels(colour).map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

/** @see [WCAG 2.2, contrast ratio](https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio) */
export function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter! + 0.05) / (darker! + 0.05)
}

/** Returns the colour, or the nearest lighter shade of it that is readable on a dark background. */
export function onDark(colour: string): string {
  let shade = colour
  for (let share = 0; contrast(shade, DARK) < 6; share += 0.05) {
    const mixed = channels(colour).map((value) => Math.round(value + (255 - value) * share))
    shade = `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
  }
  return shade
}

/** Checks a logo. A `Content-Security-Policy` names it, so nothing in it may end the directive or match other images. */
const isLogo = (logo: string): boolean =>
  /^data:image\/(png|jpeg|webp|gif|svg\+xml);base64,[A-Za-z0-9+/]+=*$/.test(logo) ||
  (/^https:\/\/[\w.-]+(:\d+)?\/[\w./~%@+-]*$/.test(logo) && parseUrl(logo)?.href === logo)

export const ThemeSchema: v.GenericSchema<Theme> = shape({
  name: v.optional(label),
  logo: v.optional(
    v.pipe(v.string(), v.check(isLogo, 'expected an https address without query, or data:image/…;base64,…')),
  ),
  accent: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^#[\da-fA-F]{6}$/, 'expected a colour such as #1f5fd0'),
      v.check(
        (colour) => !/^#[\da-fA-F]{6}$/.test(colour) || contrast(colour, '#ffffff') >= 4.5,
        'expected a darker colour: its contrast on white is below 4.5 to 1',
      ),
    ),
  ),
})
