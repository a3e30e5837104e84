import { expect, test } from 'vitest';
import { plan } from './plan.ts';

const count = (recipe: Parameters<typeof plan>[0]['recipe'], backbone = 'pico-vit') =>
  plan({ backbone, classes: 10, recipe });

test("LoRA's parameters are those of its ranks and of the head", () => {
  const { trainable, settled, blocks, adapters } = count({ method: 'lora', set: { r: 8 } });
  expect(trainable).toBe(6 * 2 * 8 * (96 + 96) + 96 * 10 + 10);
  expect(settled).toBe(trainable);
  expect(blocks).toHaveLength(6);
  expect(blocks[0]).toMatchObject({
    path: 'blocks.0',
    heads: 3,
    attention: [{ label: 'q' }, { label: 'k' }, { label: 'v' }, { label: 'proj' }],
    mlp: [{ label: 'fc1' }, { label: 'fc2' }],
  });
  expect(adapters).toMatchObject([{ name: 'default', method: 'lora', saved: ['head'] }]);
  expect(adapters[0]?.targets.slice(0, 2)).toEqual(['blocks.0.attn.qkv[q]', 'blocks.0.attn.qkv[v]']);
});

test('a fused qkv that is adapted as a whole is the whole of its slices', () => {
  const { blocks, adapters } = count({ method: 'lora', targets: 'all-linear' });
  expect(adapters[0]?.targets.slice(0, 2)).toEqual(['blocks.0.attn.qkv', 'blocks.0.attn.proj']);
  expect(blocks[0]?.attention.map(({ of }) => of)).toEqual([...Array(3).fill('blocks.0.attn.qkv'), undefined]);
});

test('stacked methods are counted together', () => {
  const alone = count({ method: 'lora' }).trainable;
  const stack = { experts: { method: 'lily', set: {}, targets: ['mlp.fc1'] } };
  const { trainable, adapters } = count({ method: 'lora', stack });
  expect(trainable).toBeGreaterThan(alone);
  expect(adapters.map(({ name, saved }) => [name, saved])).toEqual([
    ['default', ['head']],
    ['experts', []],
  ]);
});

test('a method that prunes is counted before and after', () => {
  const { trainable, settled } = count({ method: 'pear' });
  expect(settled).toBeLessThan(trainable);
});

test("Swin's blocks are found in its stages", () => {
  const { blocks } = count({ method: 'lora' }, 'pico-swin');
  expect(blocks.map(({ path }) => path)).toEqual(
    [0, 1, 2].flatMap(stage => [0, 1].map(i => `layers.${stage}.blocks.${i}`)),
  );
});

test('what cannot be trained is named', () => {
  expect(() => count({ method: 'lora', set: { trail: 2 } })).toThrow(/trail/);
  expect(() => count({ method: 'lora', targets: ['attn.qvk'] })).toThrow(/closest/);
});
