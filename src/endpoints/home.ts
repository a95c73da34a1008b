import type { Context, Endpoint } from '../context.ts'
import type { Head } from '../http/head.ts'
import { json, page } from '../http/responses.ts'
import { homePage } from '../pages/home-page.ts'
import type { Page } from '../pages/layout.ts'
import { readSession } from '../sign-in/session.ts'

/** Returns the page that explains how to connect, for a user who opens the address in a browser. */
export const homeEndpoint: Endpoint = (request, ctx) =>
  page(home(request, ctx, ctx.settings.name, ctx.settings.resources))

/** The page for some resources, as it fits who is signed in. */
export function home(
  request: Pick<Head, 'headers'>,
  ctx: Context,
  server: string,
  resources: readonly { readonly name: string; readonly id: string }[],
): Page {
  const { look, account, basePath } = ctx.settings
  const session = account ? readSession(ctx, request) : undefined
  return homePage(look, {
    server,
    resources,
    ...(account && {
      account: {
        href: `${basePath}/account`,
        user: session && (session.name ?? look.texts.accountUnnamed),
      },
    }),
  })
}

/**
 * Tells that the process responds, and 503 once it is about to stop. Says nothing about the storage or the provider, so
 * that their failure does not take every instance out at once.
 */
export const healthEndpoint: Endpoint = (_request, { health }) =>
  health.isDraining ? json({ status: 'draining' }, 503) : json({ status: 'ok' })
