import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { packagesToPublish } from '../packages.mjs';
import { root } from '../root.mjs';
import { bomOf, serialize } from './bom.mjs';

/* Writes a CycloneDX bill of materials of the published packages: `main.mjs FILE`. */
const file = resolve(process.env.INIT_CWD ?? '.', process.argv[2] ?? 'sbom.cdx.json');
const bom = await bomOf(root, await packagesToPublish());
await writeFile(file, `${serialize(bom)}\n`);
console.log(`Wrote ${bom.components.size} components to ${file}.`);
