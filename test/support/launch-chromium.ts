import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const executablePath =
  process.env.CHROMIUM ??
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  )

/** What is missing on this machine, for the message that says so. */
export const noChromium: string | undefined =
  executablePath === undefined ? 'chromium in /usr/bin, or CHROMIUM with its path' : undefined

const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync --disable-dev-shm-usage'

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: executablePath!, args: FLAGS.split(' ') })

/** Signs in at the provider, whose page has opened, and agrees there. */
export async function signInAt(page: Page, login = 'ada'): Promise<void> {
  await page.fill('input[name=login]', login)
  await page.fill('input[name=password]', 'any')
  await page.click('button[type=submit]')
  await page.click('button[type=submit]')
}
