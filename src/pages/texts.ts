import * as v from 'valibot'
import { unknownName } from '../validation/closest.ts'
import { withoutGaps } from '../validation/shape.ts'
import { type Html, html } from './html.ts'

/**
 * Every sentence of the pages, in English. A translation has the same `{placeholders}` in each, and its language in `lang`
 * (BCP 47). The sentences of errors that the protocol sends stay English.
 */
export const ENGLISH = {
  lang: 'en',

  consentTitle: 'Connect an app to {server}',
  consentHeading: 'Allow access to {server}?',
  consentKnown: '{client} asks for access.',
  consentUnknown: 'An app that calls itself {client} asks for access.',
  consentUnverifiedHint:
    'This name is unverified: anyone can choose it. Continue only if you started this yourself.',
  consentElsewhereHint:
    'This description is published on another site than the one you will be sent back to.',
  consentBack: 'You will be sent back to {target}',
  consentLoopback: 'an app on this computer',
  consentLoopbackHint:
    'Any program on this computer can claim to be this app. Continue only if you started it yourself just now.',
  consentApp: 'the app that opens {target} links',
  consentScopes: 'The app will be able to:',
  consentScopesChoice: 'Choose what the app may do:',
  consentOffline: 'Stay connected while you are away',
  consentResource: 'Server: {resource}',
  consentProvider: 'Next, you sign in with {provider}. The app does not get access to your account there.',
  consentProviders: 'Next, you sign in. The app does not get access to the account that you sign in with.',
  consentProviderScopes: 'What {server} asks {provider} for',
  consentWith: 'Allow and continue with {provider}',
  consentRemembered:
    'This browser will not ask you again for this app until {date}. You can change that under {account}.',
  deny: 'Deny',
  allow: 'Allow and sign in',

  badgeUnverified: 'Unverified app',
  badgePublished: 'Published at {url}',
  badgeOperator: 'Set up by the operator of this server',

  finishTitle: 'Finish connecting',
  finishHeading: 'Connect {client}?',
  finishAccount: 'You signed in as {account}.',
  finish: 'Connect',

  homeIntro:
    'This is an MCP server that requires a sign-in. Add its address to your MCP client. The client then opens a browser window where you sign in.',
  homeAddress: 'Address',
  homeAddresses: 'Servers',
  homeConnect: 'Connect from',
  homeLoopback:
    'This address works on this computer only. Clients that connect from elsewhere, such as Claude and ChatGPT, cannot reach it.',
  homeSignedIn: 'Signed in as {user}.',
  homeAccount: 'Your connected apps',
  connectClaude: 'On the web, desktop or phone: open Settings, Connectors, Add custom connector, and paste:',
  connectChatGpt:
    'Open Settings, Apps & Connectors, Advanced settings. Switch Developer mode on, press Create, and paste:',
  connectTerminal: 'In a terminal:',
  connectOpen: 'Install it with {button}, or run in a terminal:',
  connectOpenFile: 'Install it with {button}, or write into {file}:',
  connectButton: 'Add to {client}',
  connectConfig: 'For clients that only start local servers, in their configuration:',
  connectInspector: 'Run this, then choose Streamable HTTP and the address of this server:',
  copy: 'Copy',
  copied: 'Copied',

  accountTitle: 'Connected apps',
  accountIntro: 'These apps can use {server} for you. Disconnect an app to end its access.',
  accountSignIn: 'Sign in with {provider}',
  accountUser: 'Signed in as {user}',
  accountUnnamed: 'a user without a name',
  accountOther: 'Use another account',
  accountNone: 'No app is connected to this account.',
  accountSince: 'Connected',
  accountUsed: 'Last used',
  accountEnds: 'Expires if unused',
  accountOrganisation: 'Access through',
  accountThrough: 'your organisation ({issuer}), which may connect the app again',
  accountServer: 'Server',
  accountScopes: 'Can',
  accountBack: 'Address of the app',
  accountRemembered:
    'In browsers where you allowed them, these apps connect without asking you again: {clients}',
  accountAskAgain: 'Ask me again',
  disconnect: 'Disconnect',
  disconnectApp: 'Disconnect {client}',
  accountMore: 'Only {count} apps are shown. Disconnect some of them to see the others.',
  accountHint: 'Disconnecting an app also ends the access that this server got from {provider} for it.',
  signOut: 'Sign out',

  errorDenied: 'You did not allow access',
  errorDeniedAdvice: 'The app gets no access. To allow it after all, start again from the app.',
  errorNotAllowed: 'This account cannot use {server}',
  errorNotAllowedAccount: 'You signed in with {provider} as {account}.',
  errorNotAllowedAdvice: 'Use another account, or ask the operator of this server for access.',
  errorNotAllowedSignOut:
    'To use another account, sign out at {provider} first. Then start again from the app. Or ask the operator of this server for access.',
  errorCookies: 'Your browser did not send the cookie of this sign-in',
  errorCookiesAdvice:
    'This happens if the browser blocks cookies, if you finish the sign-in in another browser, or if it was finished already. Allow cookies for {host}, for example in a normal window instead of a private one. Then start again from the app.',
  errorExpired: 'This sign-in took too long',
  errorExpiredAdvice: 'Start again from the app.',
  errorUnknownApp: 'This server does not know the app',
  errorUnknownAppAdvice: 'Remove the connection in the app and add it again, so that the app registers anew.',
  errorAddress: 'The app asked for an address that it did not register',
  errorAddressGiven: 'It asked to be sent back to:',
  errorAddressAdvice:
    'You were not sent there, for your safety. If you trust the app, remove the connection in it and add it again.',
  errorDocument: 'The app could not be checked',
  errorDocumentAdvice:
    'Try again from the app. If that fails, tell the maker of the app what this page says.',
  errorBusy: 'Too many requests',
  errorBusyAdvice: 'Wait a minute. Then start again from the app.',
  errorUnavailable: 'This is not available right now',
  errorUnavailableAdvice: 'Wait a moment. Then start again from the app.',
  errorProvider: 'The sign-in did not work',
  errorProviderAdvice: 'Start again from the app. If it fails again, tell the operator of this server.',
  errorForm: 'This form cannot be accepted',
  errorFormAdvice: 'Open the page again, and use only its own buttons.',
  errorRequest: 'The app sent a request that does not work here',
  errorRequestAdvice:
    'Start again from the app. If it fails again, tell the maker of the app what this page says.',
  errorOurs: 'Something went wrong on our side',
  errorOursAdvice:
    'Wait a moment, and start again from the app. If it fails again, tell the operator of this server.',
  errorBack: 'Return to {target}',
  errorMessage: 'Message',
  errorCode: 'Code',
  errorReason: 'Reason',
  errorRequestId: 'Request id',
} as const

/** Every sentence of the pages, by name. */
export type Texts = { readonly [Name in keyof typeof ENGLISH]: string }

/** Some texts of the pages, by name. */
export type SomeTexts = { readonly [Name in keyof Texts]?: string | undefined }

const PLACEHOLDER = /\{(\w+)\}/g
const placeholders = (text: string) => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name).sort()

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

/** Explains what is wrong with a translation of one text, or returns `undefined`. */
function faultOf(name: string, text: unknown): string | undefined {
  if (!Object.hasOwn(ENGLISH, name)) return unknownName('a text of the pages', name, Object.keys(ENGLISH))
  if (typeof text !== 'string') return 'expected text'
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

export const TextsSchema: v.GenericSchema<SomeTexts, Partial<Texts>> = v.pipe(
  v.record(v.string(), v.unknown()),
  v.transform(withoutGaps),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const [key, value] of Object.entries(dataset.value)) {
      const message = faultOf(key, value)
      if (message === undefined) continue
      addIssue({ message, path: [{ type: 'object', origin: 'value', input: {}, key, value }] })
    }
  }),
) as unknown as v.GenericSchema<SomeTexts, Partial<Texts>>

/** Fills in the placeholders of a text. Escapes everything but markup of these pages. */
export function fill(text: string, values: Readonly<Record<string, string | Html>>): Html {
  const parts = text.split(PLACEHOLDER)
  return html`${parts.map((part, index) => {
    const value = index % 2 === 0 ? part : (values[part] ?? '')
    return typeof value === 'string' ? html`${value}` : value
  })}`
}

/** Fills in the placeholders of a text as plain text, for titles and attributes. */
export const fillText = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(PLACEHOLDER, (_match, name: string) => values[name] ?? '')
