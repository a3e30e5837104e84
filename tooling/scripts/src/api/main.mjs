import { join } from 'node:path';
import { packagesToPublish } from '../packages.mjs';
import { root } from '../root.mjs';
import { checkReports, writeReports } from './files.mjs';

/*
 * In a package's folder, checks that its reports say what it exports. With `--write`, writes those of all packages, and of the sample
 * that new methods are copied from.
 */
try {
  if (process.argv.includes('--write')) {
    const folders = [...(await packagesToPublish()), join(root, 'tooling/sample-method')];
    for (const folder of folders) await writeReports(folder);
  } else await checkReports(process.cwd());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
