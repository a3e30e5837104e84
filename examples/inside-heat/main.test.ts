import { readFile } from 'node:fs/promises';
import { runMain } from '@peft/run-example';
import { expect, test } from 'vitest';

const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

test('the walk shows the code that runs', async () => {
  const blocks = [...(await read('README.md')).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  const code = await read('main.ts');
  expect(blocks.join('\n')).toBe(code.slice(code.indexOf('\n') + 1)); // its first line is a comment
});

test('it prints what the walk says', async () => {
  const printed = await runMain(import.meta.url);
  const numbers = (text: string) => text.trim().split(' ').map(Number);
  expect(printed).toMatch(/^before: trainable params: 970 /m);
  const scored = [...printed.matchAll(/^(blocks\.\d\.attn): q (.*) \| v (.*) \| off (\d)$/gm)];
  expect(scored.map(([, layer]) => layer)).toEqual([0, 1, 2, 3, 4, 5].map(i => `blocks.${i}.attn`));
  for (const [, layer, q, v, off] of scored) {
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const importance = numbers(q).map((score, h) => score / sum(numbers(q)) + numbers(v)[h] / sum(numbers(v)));
    expect(importance.indexOf(Math.min(...importance))).toBe(Number(off));
    const changed = numbers(new RegExp(`^${layer}: change by head (.*)$`, 'm').exec(printed)?.[1] ?? '');
    expect(changed.flatMap((change, h) => (change === 0 ? [h] : []))).toEqual([Number(off)]);
  }
  expect(printed).toContain('blocks.0.attn.qkv[q].B: [8,64] of [8,96]');
  expect(Number(/changes the logits by (\S+)$/m.exec(printed)?.[1])).toBeLessThan(1e-4);
});
