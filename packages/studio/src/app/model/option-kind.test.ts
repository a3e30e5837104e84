import { methodOptions, methodRegistry } from '@peft/run';
import { expect, test } from 'vitest';
import { kindOf, parseText, textOf } from './option-kind.ts';

test('every option of every method has a field', () => {
  const options = Object.values(methodRegistry).flatMap(entry => methodOptions(entry));
  const kinds = new Map(options.map(option => [option.name, kindOf(option).kind]));
  expect(Object.fromEntries(kinds)).toMatchObject({
    r: 'number',
    dora: 'switch',
    init: 'choice',
    strategy: 'text',
    targets: 'json',
    rankPattern: 'json',
  });
});

test('limits come from the schema', () => {
  const dropout = methodOptions(methodRegistry.lora!).find(({ name }) => name === 'dropout')!;
  expect(kindOf(dropout)).toEqual({ kind: 'number', step: 'any', min: 0, max: 1 });
});

test.each([
  ['', undefined],
  ['all-linear', 'all-linear'],
  ['attn.qkv[q,v]', ['attn.qkv[q,v]']],
  ['attn.qkv[q,v], mlp.fc1', ['attn.qkv[q,v]', 'mlp.fc1']],
  ['{"blocks.0.attn.qkv": 16}', { 'blocks.0.attn.qkv': 16 }],
  ['[0, 1]', [0, 1]],
])('"%s" is read, and written again', (text, value) => {
  expect(parseText(text)).toEqual(value);
  expect(parseText(textOf(value))).toEqual(value);
});
