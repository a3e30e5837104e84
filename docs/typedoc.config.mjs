/** The reference of every published package, as Markdown pages of the site, from the docstrings of its types. */
import { readdirSync, readFileSync } from 'node:fs';
import { Converter, ReflectionKind } from 'typedoc';

const read = name => JSON.parse(readFileSync(new URL(`../packages/${name}/package.json`, import.meta.url), 'utf8'));

/** The file of types behind each import. */
const entries = readdirSync(new URL('../packages', import.meta.url)).flatMap(name => {
  const { private: own, exports } = read(name);
  if (own) return [];
  return Object.entries(exports).flatMap(([path, { types }]) =>
    types ? [{ file: `../packages/${name}/${types.slice(2)}`, import: `@peft/${name}${path.slice(1)}` }] : [],
  );
});

/** Names a module as people import it; TypeDoc names it by its file. */
function nameByImport(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, module) => {
    if (!module.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(module)?.declarations?.[0]?.getSourceFile().fileName;
    module.name = entries.find(entry => file?.endsWith(entry.file.slice(2)))?.import ?? module.name;
  });
}

export default {
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', nameByImport],
  entryPoints: entries.map(({ file }) => file),
  router: 'module',
  tsconfig: '../tsconfig.base.json',
  skipErrorChecking: true,
  readme: 'none',
  docsRoot: '.',
  out: 'api',
  entryFileName: 'index',
  disableSources: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  useHTMLAnchors: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  typeAliasPropertiesFormat: 'table',
};
