/**
 * The pages where operators register an application, by the provider's name. A provider with a host for each customer is
 * not listed; its documentation names the page. From public guides, as of 2026-11-23.
 */
export const CONSOLES: Readonly<Record<string, string>> = {
  airtable: 'https://airtable.com/create/oauth',
  asana: 'https://app.asana.com/0/my-apps',
  atlassian: 'https://developer.atlassian.com/console/myapps/',
  auth0: 'https://manage.auth0.com/',
  clerk: 'https://dashboard.clerk.com/',
  discord: 'https://discord.com/developers/applications',
  dropbox: 'https://www.dropbox.com/developers/apps',
  figma: 'https://www.figma.com/developers/apps',
  github: 'https://github.com/settings/developers',
  'github-app': 'https://github.com/settings/apps',
  google: 'https://console.cloud.google.com/auth/clients',
  linear: 'https://linear.app/settings/api/applications/new',
  microsoft: 'https://entra.microsoft.com/',
  notion: 'https://www.notion.so/my-integrations',
  sentry: 'https://sentry.io/settings/developer-settings/',
  slack: 'https://api.slack.com/apps',
  workos: 'https://dashboard.workos.com/',
  zoom: 'https://marketplace.zoom.us/develop/create',
}
