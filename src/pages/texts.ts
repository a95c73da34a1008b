import * as v from 'valibot'
import { type Html, html } from './html.ts'

/**
 * Every sentence of the pages, in English. A translation says each with the same `{placeholders}`, and its language
 * in `lang` (BCP 47). The sentences of errors are those of the protocol's answers and stay English.
 */
export const ENGLISH = {
  lang: 'en',

  consentTitle: 'Connect to {server}',
  consentHeading: '{client} wants to use {server}',
  consentVerified: 'This app is described by a document published at {url}',
  consentUnverified: 'This name is unverified: the app chose it for itself. Look at where the answer goes.',
  consentOperator: 'This app was set up by the operator of this server.',
  consentAnswer: 'The answer goes to {target}',
  consentLoopback: 'an app on this computer',
  consentLoopbackHint:
    'Any program on this computer can claim to be this app. Go on only if you started it yourself just now.',
  consentApp: 'the app that opens {target} links',
  consentScopes: 'It may',
  consentOffline: 'Stay connected while you are away',
  consentResource: 'at {resource}',
  consentProvider: 'Next, you sign in with {provider}',
  consentChoose: 'Next, you sign in. With which account?',
  consentProviderScopes: '{server} will ask {provider} for:',
  consentProviderScopesNote: 'The app does not get this access itself.',
  consentProviderNothing: 'The app does not get access to your account there.',
  deny: 'Deny',
  allow: 'Allow',

  homeIntro:
    'This is an MCP server behind a sign-in. Add its address to your MCP client; the client then opens a browser window in which you sign in.',
  homeAddress: 'Address',
  homeAddresses: 'Servers',
  homeConnect: 'Connect from',
  homeLoopback:
    'This address is good on this computer only. Clients that connect from elsewhere, such as Claude and ChatGPT, cannot reach it.',
  homeSignedIn: 'Signed in as {user}.',
  homeAccount: 'Your connected apps',
  connectClaude: 'On the web, desktop or phone: open Settings, Connectors, Add custom connector, and paste:',
  connectChatGpt:
    'Open Settings, Apps & Connectors, Advanced settings; switch Developer mode on, press Create, and paste:',
  connectTerminal: 'In a terminal:',
  connectOpen: 'Install it with {button}, or run in a terminal:',
  connectOpenFile: 'Install it with {button}, or write into {file}:',
  connectButton: 'Add to {client}',
  connectConfig: 'For clients that only start local servers; in their configuration:',
  connectInspector: 'Run this, then choose Streamable HTTP and the address of this server:',
  copy: 'Copy',
  copied: 'Copied',

  accountTitle: 'Connected apps',
  accountIntro: 'Here you see which apps may use {server} in your name, and end what you no longer want.',
  accountSignIn: 'Sign in with {provider}',
  accountUser: 'Signed in as {user}',
  accountUnnamed: 'a user without a name',
  accountNone: 'No app is connected.',
  accountSince: 'Connected',
  accountUsed: 'Last used',
  accountEnds: 'Ends if unused',
  accountServer: 'Server',
  accountScopes: 'May',
  disconnect: 'Disconnect',
  disconnectApp: 'Disconnect {client}',
  accountHint: 'Disconnecting also ends the access that this server has at {provider} for the app.',
  signOut: 'Sign out',

  errorTitle: 'This did not work',
  errorYou: 'What you can do',
  errorYouAgain: 'Go back to the app you came from and connect again from there.',
  errorYouLater: 'Wait a moment. Then go back to the app you came from and connect again from there.',
  errorYouDenied:
    'If you meant to allow it, start again from the app. If this account may not come in, use another one or ask whoever runs this server.',
  errorBack: 'Return to {target} with this answer',
  errorOperator: 'If that does not help',
  errorOperatorHint:
    'Tell whoever runs this server these codes. The event with this request id says what went wrong.',
  errorCode: 'Code',
  errorReason: 'Reason',
  errorRequestId: 'Request id',
} as const

/** Every sentence of the pages, by name. */
export type Texts = { readonly [Name in keyof typeof ENGLISH]: string }

const PLACEHOLDER = /\{(\w+)\}/g
const placeholders = (text: string) => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name).sort()

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

/** What is wrong with a translation of one text, or `undefined`. */
function faultOf(name: string, text: string): string | undefined {
  if (!Object.hasOwn(ENGLISH, name)) return 'is not a text of the pages'
  if (name === 'lang') {
    return isLanguage(text) ? undefined : 'expected a language such as de or pt-BR'
  }
  const wanted = [...new Set(placeholders(ENGLISH[name as keyof Texts]))]
  const same = wanted.join() === [...new Set(placeholders(text))].join()
  if (text.trim() !== '' && same) return undefined
  return wanted.length > 0
    ? `expected a text with {${wanted.join('}, {')}}`
    : 'expected a text without {placeholders}'
}

export const TextsSchema: v.GenericSchema<Partial<Texts>> = v.pipe(
  v.custom<Partial<Texts>>(
    (input) =>
      typeof input === 'object' &&
      input !== null &&
      Object.values(input).every((text) => typeof text === 'string'),
    'expected texts by name',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const [key, value] of Object.entries(dataset.value)) {
      const message = faultOf(key, value)
      if (message === undefined) continue
      addIssue({ message, path: [{ type: 'object', origin: 'value', input: {}, key, value }] })
    }
  }),
)

/** A text with its placeholders filled in; everything but markup of our own is escaped. */
export function fill(text: string, values: Readonly<Record<string, string | Html>>): Html {
  const parts = text.split(PLACEHOLDER)
  return html`${parts.map((part, index) => {
    const value = index % 2 === 0 ? part : (values[part] ?? '')
    return typeof value === 'string' ? html`${value}` : value
  })}`
}

/** The same as plain text, for titles and attributes. */
export const fillText = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(PLACEHOLDER, (_match, name: string) => values[name] ?? '')
