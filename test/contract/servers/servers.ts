import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { serve as serveHono } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { freePort } from '../../support/free-port.ts'

/** A web server with a public part below `/inner` and a protected one below `/inner/admin`. */
export interface RealServer {
  readonly url: string
  close(): Promise<void>
}

/** Returns whether a command is installed. */
export function hasCommand(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export async function startExpress(): Promise<RealServer> {
  const app = express()
  app.use(
    '/inner/admin',
    (request, response) => void response.json({ server: 'ADMIN', path: request.originalUrl }),
  )
  app.use('/inner', (request, response) => void response.json({ server: 'USER', path: request.originalUrl }))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function startHono(): Promise<RealServer> {
  const app = new Hono()
  app.all('/inner/admin/*', ({ req, json }) => json({ server: 'ADMIN', path: req.path }))
  app.all('/inner/*', ({ req, json }) => json({ server: 'USER', path: req.path }))
  const server = await new Promise<ReturnType<typeof serveHono>>((resolve) => {
    const started = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(started))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function startWsgi(): Promise<RealServer> {
  const child = spawn('python3', [fileURLToPath(new URL('./wsgi.py', import.meta.url))])
  for await (const line of createInterface({ input: child.stdout })) {
    return { url: `http://127.0.0.1:${line}`, close: () => stop(child) }
  }
  throw new Error('the WSGI server did not start')
}

export async function startNginx(): Promise<RealServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-nginx-'))
  const place = (path: string, text: string) =>
    `location ${path} { default_type application/json; return 200 '{"server":"${text}","path":"$request_uri"}'; }`
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log stderr crit; worker_processes 1;
     events {}
     http {
       access_log off;
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
       server {
         listen 127.0.0.1:${port};
         ${place('= /inner/admin', 'ADMIN')}
         ${place('/inner/admin/', 'ADMIN')}
         ${place('/inner', 'USER')}
         ${place('/wiki', 'WIKI')}
         ${place('/issues', 'ISSUES')}
         ${place('/internal', 'INTERNAL')}
       }
     }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'])
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answers) break
    if (tries > 100) throw new Error('nginx did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    async close() {
      await stop(child)
      rmSync(folder, { recursive: true })
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}
