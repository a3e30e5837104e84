import { versions as built } from '#versions';

/**
 * The packages that a run computes with, each with its version. In Node these are the ones that are installed, since methods are
 * upgraded one at a time; in a page, and where a bundler has put them elsewhere, those that this package was built with.
 *
 * @param from the address of the module that imports them
 */
export function installedVersions(from: string = import.meta.url): Record<string, string> {
  const { createRequire } = globalThis.process?.getBuiltinModule?.('node:module') ?? {};
  if (!createRequire || !from.startsWith('file:')) return { ...built };
  const require = createRequire(from);
  const versionOf = (name: string): string | undefined => {
    try {
      return (require(`${name}/package.json`) as { version: string }).version;
    } catch {
      return undefined; // bundled: it is in no folder of its own
    }
  };
  return Object.fromEntries(Object.entries(built).map(([name, version]) => [name, versionOf(name) ?? version]));
}
