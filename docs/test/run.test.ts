import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Block, blocksOf, pages } from './blocks.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';

/** Pages whose blocks run in tests of their own. */
const elsewhere: Readonly<Record<string, string>> = {
  'docs/browser.md': 'packages/studio/test/browser/docs-page.test.ts, in Chromium',
  'docs/writing-a-method.md': 'docs/examples/ia3, which the page shows',
};

/** The install matrix runs what installs. */
const installs = ({ language, text }: Block): boolean =>
  language === 'sh' && text.split('\n').every(line => line === '' || /^[A-Z_]*=?\S* ?npm install /.test(line));

const blocks = pages
  .filter(page => !elsewhere[page])
  .flatMap(blocksOf)
  .filter(block => ['ts', 'sh'].includes(block.language) && block.runs && !block.title && !installs(block));

test('there are blocks that run, and pages that are left to other tests exist', () => {
  expect(blocks.length).toBeGreaterThan(30);
  expect(Object.keys(elsewhere).filter(page => !pages.includes(page))).toEqual([]);
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

test('a block that fails is seen', async () => {
  const failing: Block = {
    page: '',
    line: 1,
    language: 'ts',
    text: "throw new Error('no');",
    title: undefined,
    runs: true,
  };
  const place = await sandbox.place();
  await expect(sandbox.run(failing, place)).rejects.toThrow('Error: no');
  await expect(sandbox.run({ ...failing, language: 'sh', text: 'false\ntrue\n' }, place)).rejects.toThrow(
    'Command failed',
  );
});

describe.each([...new Set(blocks.map(({ page }) => page))])('%s', page => {
  let place: string;
  beforeAll(async () => {
    place = await sandbox.place();
  });
  test.each(blocks.filter(block => block.page === page))('line $line ($language)', block => sandbox.run(block, place));
});
