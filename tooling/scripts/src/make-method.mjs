import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const sample = 'tooling/sample-method';

/** Folders that building and installing leave in a package. */
const made = ['node_modules', 'dist', '.turbo'];

const filesBelow = folder =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !made.includes(name))
    .flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]));

/** A text of the sample, about the method `name`. */
const renamed = (text, name) =>
  text.replaceAll('sample', name).replaceAll('Sample', name[0].toUpperCase() + name.slice(1));

const changesetOf = name => `---
'@peft/${name}': minor
---

${name[0].toUpperCase() + name.slice(1)}: what it does, in a sentence for its users.
`;

/**
 * Writes the package of a new method, and its changeset.
 *
 * @param {string} root the folder of the repository
 * @param {string[]} args the method's name
 * @returns {string[]} the files that it wrote, relative to `root`
 */
export function makeMethod(root, args) {
  const [name = ''] = args;
  if (args.length !== 1 || !/^[a-z][a-z0-9]*$/.test(name))
    throw new Error(
      `the name of a method is one word of small letters and digits, such as "lora"; found "${args.join(' ')}".`,
    );
  const folder = join(root, 'packages', name);
  if (existsSync(folder)) throw new Error(`packages/${name} is there already. Choose another name, or remove it.`);
  const from = join(root, sample);
  const contents = filesBelow(from).map(file => {
    const text = renamed(readFileSync(file, 'utf8'), name);
    const isPackage = file === join(from, 'package.json');
    return [
      join(folder, renamed(relative(from, file), name)),
      isPackage ? text.replace(/ {2}"private": true,\n/, '') : text,
    ];
  });
  contents.push([join(root, '.changeset', `${name}.md`), changesetOf(name)]);
  for (const [file, text] of contents) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return contents.map(([file]) => relative(root, file));
}
