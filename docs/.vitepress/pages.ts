/** Which Markdown files of the repository are pages of the site, and at which address each is. */

/** The methods have pages of their own, which show the sections of their READMEs. */
export const methods = ['lora', 'neat', 'lily', 'pear', 'heat'];

/** What is found from the root of the repository, and what of it is no page. */
export const sources = {
  excluded: [
    'README.md',
    '.*/**',
    'tooling/**',
    'docs/examples/**',
    'docs/results/**',
    'packages/*/{api,src,test,scripts,assembly,build,public}/**',
    ...methods.map(name => `packages/${name}/README.md`),
  ],
};

/** The address of a page, without a leading slash, from the path of its file: `docs/a.md` is at `a.md`. */
export function addressOf(file: string): string {
  return file
    .replace(/^docs\//, '')
    .replace(/^packages\/([^/]+)\/README\.md$/, 'packages/$1.md')
    .replace(/(^|\/)README\.md$/, '$1index.md');
}
