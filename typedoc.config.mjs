import { existsSync, readFileSync } from 'node:fs'
import { Converter, ReflectionKind } from 'typedoc'

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** The source of each subpath that the package exports, so that nothing else is documented. */
const sources = new Map(
  Object.entries(exports)
    .filter(([, built]) => built.endsWith('.js'))
    .map(([path, built]) => {
      const name = built.slice('./dist/'.length, -'.js'.length)
      const places = ['src', 'adapters'].flatMap((room) => [`${room}/${name}.ts`, `${room}/${name}/index.ts`])
      return [
        places.find((file) => existsSync(new URL(file, import.meta.url))),
        path.replace(/^\./, 'lockgate'),
      ]
    }),
)

/** Names each module by the path that users import it by. */
function nameByImportPath(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const file = module.sources?.[0]?.fileName
      module.name = sources.get(file) ?? module.name
    }
  })
}

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'Lockgate',
  entryPoints: [...sources.keys()],
  plugin: [nameByImportPath],
  out: 'docs-api',
  readme: 'README.md',
  includeVersion: true,
  excludeInternal: true,
  skipErrorChecking: true,
  sort: ['source-order'],
  validation: { notExported: false },
}
