/**
 * The storage in Durable Objects, over HTTP. The body of a request is a method and its arguments. A request without a body
 * gets the bytes that all objects take, as the platform counts them.
 */
import { durableObject, LockgateStore as Objects } from '../../../dist/storage/durable-object.js'

/** Bytes of each object. */
const sizes = new Map()

export class LockgateStore extends Objects {
  #state

  constructor(state) {
    super(state)
    this.#state = state
  }

  async fetch(request) {
    const response = await super.fetch(request)
    const { id, storage } = this.#state
    sizes.set(id.toString(), storage.sql.databaseSize)
    return response
  }
}

export default {
  async fetch(request, env) {
    if (request.method === 'GET')
      return Response.json([...sizes.values()].reduce((sum, size) => sum + size, 0))
    const [method, ...args] = await request.json()
    return Response.json({ result: await durableObject(env.LOCKGATE)[method](...args) })
  },
}
