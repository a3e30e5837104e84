import { eagerEngine } from '@peft/core';
import { expect, test } from 'vitest';
import { batch, expectSame, train } from '../../test/trainer.ts';
import { onnxWebEngine } from './web.ts';

test('onnxruntime-web trains as eager steps do', async () => {
  const engine = await onnxWebEngine({ threads: 1 });
  expect(engine.name).toBe('onnxruntime-web (wasm, 1 thread)');
  const sizes = [batch, batch, batch - 1];
  expectSame(await train(engine, 12, sizes), await train(eagerEngine(), 12, sizes));
  await engine.dispose();
});
