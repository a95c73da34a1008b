import type { Endpoint } from '../context.ts'
import { json, page } from '../http/responses.ts'
import { homePage } from '../pages/home-page.ts'

/** How to connect, for somebody who opens the address in a browser. */
export const homeEndpoint: Endpoint = (_request, { settings }) =>
  page(homePage(settings.name, settings.resources))

/** Liveness: the process answers. Says nothing about the storage or the provider. */
export const healthEndpoint: Endpoint = () => json({ status: 'ok' })
