import { onDark } from './theme.ts'

/**
 * Returns the style of all pages: light and dark, readable from 320 pixels on.
 *
 * @param accent `#rrggbb`
 */
export const styleSheet = (accent: string): string => `
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--text:#171a20;--soft:#586070;--line:#dcdfe5;--firm:#8a92a0;--inset:#f6f7f9;--accent:${accent};--on-accent:#fff;--good:#0a6636;--good-ground:#e6f5ec;--warn:#7d4700;--warn-ground:#fff1d6}
@media (prefers-color-scheme:dark){:root{--ground:#111318;--card:#1b1f26;--text:#eceef2;--soft:#a9b0bd;--line:#333945;--firm:#747d8c;--inset:#14171d;--accent:${onDark(accent)};--on-accent:#111318;--good:#86dfa9;--good-ground:#13291d;--warn:#f7cd83;--warn-ground:#30250f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
.page{max-width:36rem;margin:0 auto;padding:clamp(1.5rem,7vh,4.5rem) 1rem 3rem}
header{display:flex;align-items:center;gap:.6rem;margin:0 .25rem .9rem;font-weight:600;color:var(--soft)}
header img{display:block;height:2rem;max-width:10rem;object-fit:contain}
main{padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:0 1px 2px rgb(0 0 0/.04),0 8px 24px rgb(0 0 0/.05)}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.012em;margin:0 0 .75rem;text-wrap:balance}
h2{font-size:1rem;line-height:1.4;margin:1.75rem 0 .35rem}
p{margin:.5rem 0}
ul{margin:.35rem 0;padding-inline-start:1.25rem}
li+li{margin-top:.2rem}
a{color:var(--accent);text-underline-offset:.15em}
code,pre{font:.9em/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.soft{color:var(--soft);font-size:.9375rem}
.small{color:var(--soft);font-size:.875rem}
.panel{margin:1.25rem 0;padding:1rem 1.15rem;background:var(--inset);border:1px solid var(--line);border-inline-start:4px solid var(--accent);border-radius:8px}
.panel p{margin:0}
.panel p+p{margin-top:.45rem}
.panel strong{display:block;font-size:1.25rem;line-height:1.35}
.foot{margin-top:1.75rem}
.facts{padding-top:1rem;border-top:1px solid var(--line);font-size:.8125rem}
.name{font-weight:600}
.claimed{font-weight:inherit}
.claimed::before{content:"\\201C"}
.claimed::after{content:"\\201D"}
.badge{display:flex;align-items:flex-start;gap:.55rem;width:fit-content;max-width:100%;margin:.6rem 0;padding:.4rem .8rem .4rem .5rem;border-radius:9px;font-size:.9375rem;font-weight:600;line-height:1.4}
.mark{flex:none;display:grid;place-items:center;width:1.3rem;height:1.3rem;border-radius:50%;font-size:.8125rem;font-weight:700;line-height:1;background:var(--soft);color:var(--card)}
.good .mark{background:var(--good);color:var(--good-ground)}
.warn .mark{background:var(--warn);color:var(--warn-ground)}
.good{color:var(--good);background:var(--good-ground)}
.warn{color:var(--warn);background:var(--warn-ground)}
.badge.plain{min-height:0;border:0;color:var(--soft);background:var(--inset)}
.row{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.75rem}
button,.button{display:inline-block;min-height:2.75rem;font:inherit;font-weight:600;line-height:1.3;padding:.65rem 1.1rem;border-radius:9px;border:2px solid var(--accent);background:transparent;color:var(--accent);cursor:pointer;text-align:center;text-decoration:none}
.row>button{flex:1 1 8rem}
.stack{display:flex;flex-direction:column;gap:.7rem;margin-top:1.75rem}
.main{background:var(--accent);color:var(--on-accent)}
.quiet{border-color:var(--firm);color:var(--text)}
button:hover,.button:hover{background:color-mix(in srgb,var(--accent) 10%,transparent)}
.main:hover{background:color-mix(in srgb,var(--accent) 88%,var(--text))}
.plain{min-height:2rem;padding:.25rem .75rem;border:1px solid var(--firm);color:var(--text);font-size:.875rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
button:focus-visible,.button:focus-visible{border-radius:9px}
details{border-top:1px solid var(--line)}
details:last-of-type{border-bottom:1px solid var(--line)}
summary{padding:.75rem .15rem;font-weight:600;cursor:pointer}
details>div{padding:0 .15rem 1rem}
.asked summary{color:var(--soft);font-size:.9375rem;font-weight:500}
.snippet{display:flex;align-items:flex-start;gap:.5rem;margin:.6rem 0;padding:.6rem .6rem .6rem .9rem;background:var(--inset);border:1px solid var(--line);border-radius:8px}
.snippet pre{flex:1;min-width:0;margin:0;padding:.2rem 0;white-space:pre-wrap}
.field{display:block;margin:1rem 0;font-weight:600}
.field input{display:block;width:100%;margin-top:.35rem;padding:.6rem .75rem;font:inherit;font-weight:400;color:var(--text);background:var(--card);border:1px solid var(--firm);border-radius:8px}
.field input::placeholder{color:var(--soft);opacity:1}
fieldset{margin:1.75rem 0 0;padding:0;border:0;min-width:0}
legend{padding:0}
legend h2{margin:0 0 .35rem}
.check{display:flex;gap:.7rem;align-items:flex-start;padding:.45rem 0;cursor:pointer}
.check input{flex:none;width:1.15rem;height:1.15rem;margin:.18rem 0 0;accent-color:var(--accent)}
.actions{display:flex;flex-wrap:wrap;gap:.5rem}
.next{margin-top:1.4rem}
.other{margin-top:1rem}
.row>form{flex:1 1 8rem;display:flex}
.row>form>button{flex:1}
.asked summary{padding-inline-start:1.15rem;text-indent:-1rem}
form>.next+.asked{margin-top:1rem}
[hidden]{display:none!important}
.card{margin:1rem 0;padding:1.1rem 1.15rem;border:1px solid var(--line);border-radius:10px}
.card h2{margin:0 0 .5rem;font-size:1.0625rem}
.between{margin:1.25rem 0;display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.5rem 1rem}
dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.25rem 1.1rem;margin:.5rem 0;font-size:.9375rem}
dt{color:var(--soft)}
dd{margin:0}
.card form{margin-top:.9rem}
@media (max-width:30rem){
body{background:var(--card)}
.page{padding:0}
header{margin:0;padding:1rem 1.25rem .9rem;background:var(--ground);border-bottom:1px solid var(--line)}
main{padding:1.5rem 1.25rem 2.5rem;border:0;border-radius:0;box-shadow:none}
h1{font-size:1.3125rem}
.panel strong{font-size:1.125rem}
dl{grid-template-columns:1fr;gap:0}
dd+dt{margin-top:.4rem}
.row{flex-direction:column-reverse}
.row>button,.row>form{flex-basis:auto}
.snippet{flex-direction:column}
.snippet pre{width:100%}
}
@media (forced-colors:active){.panel{border-inline-start-width:8px}}
`
