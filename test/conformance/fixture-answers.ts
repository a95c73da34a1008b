/** What the conformance tool expects a server to hold. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='

const text = (value: string) => ({ type: 'text' as const, text: value })
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }
const embedded = (uri: string, mimeType: string, value: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: value },
})

/** Tools that only answer. */
export const CONTENT: Readonly<Record<string, object[]>> = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  test_embedded_resource: [
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ],
  test_multiple_content_types: [
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
}

/** Tools that speak to the client before they answer. */
export const TALKING = [
  'test_tool_with_logging',
  'test_tool_with_progress',
  'test_error_handling',
  'test_sampling',
  'test_elicitation',
  'test_elicitation_sep1034_defaults',
] as const

const field = (type: string, value: unknown, rest: object = {}) => ({ type, default: value, ...rest })

/** The forms that the talking tools ask the user to fill in. */
export const FORMS: Readonly<Record<string, object>> = {
  test_elicitation: {
    type: 'object',
    properties: { response: { type: 'string', description: 'The answer' } },
    required: ['response'],
  },
  test_elicitation_sep1034_defaults: {
    type: 'object',
    properties: {
      name: field('string', 'John Doe'),
      age: field('integer', 30),
      score: field('number', 95.5),
      status: field('string', 'active', { enum: ['active', 'inactive', 'pending'] }),
      verified: field('boolean', true),
    },
  },
}

export const RESOURCES: readonly { uri: string; mimeType: string; text?: string; blob?: string }[] = [
  {
    uri: 'test://static-text',
    mimeType: 'text/plain',
    text: 'This is the content of the static text resource.',
  },
  { uri: 'test://static-binary', mimeType: 'image/png', blob: PNG },
  { uri: 'test://watched-resource', mimeType: 'text/plain', text: 'Watched resource content' },
]

/** The one resource with a parameter in its address. */
export const templated = (uri: string) => {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
  return id === undefined ? undefined : { uri, mimeType: 'application/json', text: data }
}

const said = (...contents: object[]) => contents.map((content) => ({ role: 'user', content }))

export const PROMPTS: Readonly<
  Record<string, { args: readonly string[]; messages(args: Record<string, string>): object[] }>
> = {
  test_simple_prompt: { args: [], messages: () => said(text('This is a simple prompt for testing.')) },
  test_prompt_with_arguments: {
    args: ['arg1', 'arg2'],
    messages: ({ arg1, arg2 }) => said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  },
  test_prompt_with_embedded_resource: {
    args: ['resourceUri'],
    messages: ({ resourceUri }) =>
      said(
        embedded(resourceUri ?? '', 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  },
  test_prompt_with_image: {
    args: [],
    messages: () => said(image, text('Please analyze the image above.')),
  },
}

/** Whether a request comes from no page, or from one on this machine: what the transport asks of every server. */
export const isLocal = (origin: string | null | undefined): boolean =>
  origin === null ||
  origin === undefined ||
  /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(origin)
