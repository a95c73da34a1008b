import { type Html, html } from './html.ts'

/** One style for all pages: light and dark, readable from 320 pixels on. */
const STYLE = {
  markup: `<style>
:root{color-scheme:light dark;--line:#d5d8de;--soft:#5b6270;--card:#fff;--ground:#f3f4f7;--text:#15181e;--accent:#1f5fd0}
@media (prefers-color-scheme:dark){:root{--line:#3a404c;--soft:#a7aebb;--card:#1d2128;--ground:#12151a;--text:#eceef2;--accent:#8ab4ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:6vh auto;padding:1.75rem;background:var(--card);border:1px solid var(--line);border-radius:12px;overflow-wrap:anywhere}
@media (max-width:36rem){main{margin:0;border:0;border-radius:0;min-height:100vh;padding:1.25rem}}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 1rem}
h2{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.6rem 0}
ul{margin:.3rem 0;padding-left:1.2rem}
.to{padding:.8rem 1rem;border:1px solid var(--line);border-radius:8px}
.to strong{font-size:1.1rem}
.soft{color:var(--soft);font-size:.9rem}
.row{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
button,.button{flex:1 1 8rem;font:inherit;font-weight:600;padding:.7rem 1rem;border-radius:8px;border:2px solid var(--accent);background:transparent;color:var(--accent);cursor:pointer;text-align:center;text-decoration:none}
button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
code{font-size:.95em}
a{color:var(--accent)}
</style>`,
}

/** A whole document. @param title Plain text. */
export function layout(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
${STYLE}
</head>
<body><main>${body}</main></body>
</html>
`.markup
}
