import { readFileSync } from 'node:fs';
import { listedItems, optionItems } from '@peft/testing';
import { expect, test } from 'vitest';
import { pear } from './index.ts';

test('the README lists the options as they are', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(listedItems(readme)).toEqual(optionItems(pear.options!));
});
