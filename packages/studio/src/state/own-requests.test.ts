import { expect, test } from 'vitest';
import { isOwn } from './own-requests.ts';

const page = 'https://example.org/studio/#recipe=1';

test.each([
  ['https://example.org/studio/assets/app.js', true],
  ['blob:https://example.org/1234', true],
  ['data:image/png;base64,AA==', true],
  ['https://example.org/studio/assets/app.js?picture=1', false], // a query may carry something
  ['https://example.org/other/app.js', false],
  ['https://elsewhere.org/studio/app.js', false],
])('%s: own %s', (address, own) => {
  expect(isOwn(address, page)).toBe(own);
});
