import { type Html, html } from './html.ts'
import { hashSource, type Look } from './look.ts'

/** A document, and its `Content-Security-Policy`. */
export interface Page {
  readonly body: string
  readonly policy: string
}

const RIGHT_TO_LEFT = /^(ar|fa|he|ur|yi|ps|sd|ckb|dv)\b/

/**
 * Makes a whole document. It may load nothing but the logo, run nothing but `script`, and it may not be framed.
 *
 * Its policy has no `form-action`, because browsers apply it also to the redirects after a form post, and the consent form
 * ends at redirect URIs such as `cursor://`.
 *
 * @param title Plain text.
 * @param script Source of a script. The page also works without it.
 */
export function layout(look: Look, title: string, content: Html, script?: string): Page {
  const { texts, brand, logo, style, policy } = look
  const body = html`<!doctype html>
<html lang="${texts.lang}"${RIGHT_TO_LEFT.test(texts.lang) && html` dir="rtl"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="same-origin">
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body><div class="page">
${
  (logo || brand !== title) &&
  html`<header>${logo && html`<img src="${logo}" alt="">`}<span>${brand}</span></header>
`
}<main>
${content}
</main>
</div>${script && html`<script>${{ markup: script }}</script>`}</body>
</html>
`.markup
  const scripts = script === undefined ? '' : ` script-src ${hashSource(script)};`
  return {
    body,
    policy: `default-src 'none'; ${policy}${scripts} frame-ancestors 'none'; base-uri 'none'`,
  }
}
