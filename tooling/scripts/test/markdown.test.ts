import { expect, test } from 'vitest';
import { markdownTable, sectionOf, withSection } from '../src/markdown.mjs';

const page = '# Page\n\nText.\n\n## One (a)\n\nold\n\n### Part\n\nold too\n\n## Two\n\nstays\n';

test('a section goes from its heading to the next of its level, or to the end', () => {
  expect(sectionOf(page, 'One (a)')).toBe('old\n\n### Part\n\nold too');
  expect(sectionOf(page, 'Two')).toBe('stays');
  expect(sectionOf(page, 'One')).toBeUndefined();
});

test('a new section replaces the old one, and the rest of the page stays', () => {
  const changed = withSection(page, 'One (a)', '\nnew $& \n');
  expect(changed).toBe('# Page\n\nText.\n\n## One (a)\n\nnew $&\n\n## Two\n\nstays\n');
  expect(withSection(changed, 'One (a)', 'new $&')).toBe(changed);
  expect(withSection(page, 'Two', 'other')).toBe(page.replace('stays', 'other'));
});

test('a section that is not there yet goes to the end', () => {
  expect(withSection(page, 'Three', 'new')).toBe(`${page}\n## Three\n\nnew\n`);
});

test('a table has columns of one width', () => {
  const lines = markdownTable(['a', 'longer'], [['much longer', 'b']]).split('\n');
  expect(lines).toEqual(['| a           | longer |', '| ----------- | ------ |', '| much longer | b      |']);
});
