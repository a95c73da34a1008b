import { type Html, html } from './html.ts'
import type { Texts } from './texts.ts'

/** Renders a time in UTC, and says so, because a page without script does not know the user's time zone. */
export function time({ lang }: Texts, seconds: number): Html {
  const date = new Date(seconds * 1000)
  const shown = date.toLocaleString(lang, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
    timeZoneName: 'short',
  })
  return html`<time datetime="${date.toISOString()}">${shown}</time>`
}
