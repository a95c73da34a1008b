/** A response as data. On Workers, no request may use the response that another request made. */
export interface ResponseData {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | null
}

/** Reads a response to its end. */
export async function readResponse({ status, headers, body }: Response): Promise<ResponseData> {
  const list: [string, string][] = []
  headers.forEach((value, name) => {
    // Some runtimes join cookies by commas here.
    if (name !== 'set-cookie') list.push([name, value])
  })
  for (const cookie of headers.getSetCookie()) list.push(['set-cookie', cookie])
  return { status, headers: list, body: body && (await new Response(body).text()) }
}

/** Makes a response of data. */
export const toResponse = ({ status, headers, body }: ResponseData): Response =>
  new Response(body, { status, headers: headers as [string, string][] })
