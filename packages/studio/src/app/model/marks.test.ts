import { expect, test } from 'vitest';
import { plan } from '../../worker/plan.ts';
import { marksOf, unitsAt } from './marks.ts';

const planned = plan({ backbone: 'pico-vit', classes: 2, recipe: { method: 'lora' } });
const query = 'blocks.0.attn.qkv[q]';

test('adapters sit at their targets, each as full as its value beside the largest', () => {
  expect(marksOf(planned, []).get(query)).toEqual([{ adapter: 'default', method: 'lora' }]);
  const rows = [
    { name: query, value: 1 },
    { name: 'blocks.1.attn.qkv[v]', value: 4, note: 'pruned, shares blocks.2' },
  ];
  const marks = marksOf(planned, [{ kind: 'bars', title: 'norms', measure: 'norm', rows }]);
  expect(marks.get(query)).toMatchObject([{ share: 0.25, off: false }]);
  expect(marks.get('blocks.1.attn.qkv[v]')).toMatchObject([{ share: 1, off: true }]);
});

test('heads stand at the side of the attention that they are of', () => {
  const rows = [{ name: 'blocks.0.attn q', values: [1, 2, 4], off: [0] }];
  const units = [
    { name: 'head 0', share: 0.25, off: true },
    { name: 'head 1', share: 0.5, off: false },
    { name: 'head 2', share: 1, off: false },
  ];
  const heads = unitsAt(planned, [{ kind: 'grid', title: 'heads', columns: 'head', rows }]);
  expect(heads.get(query)).toEqual([{ adapter: 'default', method: 'lora', units }]);
});

test('each of several adapters at a place shows its own', () => {
  const stack = { more: { method: 'lora' } };
  const both = plan({ backbone: 'pico-vit', classes: 2, recipe: { method: 'lora', stack } });
  const bars = (name: string, value: number) => {
    const rows = [query, 'blocks.1.attn.qkv[q]'].map((place, i) => ({ name: place, value: i === 0 ? value : 4 }));
    return { kind: 'bars', title: 'norms', measure: 'norm', adapter: { name, method: 'lora' }, rows } as const;
  };
  expect(marksOf(both, [bars('default', 1), bars('more', 2)]).get(query)).toMatchObject([
    { adapter: 'default', share: 0.25 },
    { adapter: 'more', share: 0.5 },
  ]);
});
