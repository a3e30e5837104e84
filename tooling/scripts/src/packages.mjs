import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './root.mjs';

/** The folders of the packages that a release publishes. */
export async function packagesToPublish() {
  const names = await readdir(join(root, 'packages'));
  const described = await Promise.all(
    names.map(async name => {
      const folder = join(root, 'packages', name);
      return { folder, ...JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) };
    }),
  );
  return described.filter(({ private: isPrivate }) => !isPrivate).map(({ folder }) => folder);
}
