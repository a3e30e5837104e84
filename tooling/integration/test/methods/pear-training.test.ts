import { onnxEngine } from '@peft/compile';
import type { Engine } from '@peft/core';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import type { PearOptions } from '@peft/pear';
import { difference, follow } from '@peft/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoJump, expectResumedAlike } from '../../../../packages/pear/test/runs.ts';
import { type Backbone, found, setUp } from '../../../../packages/pear/test/tiny.ts';

const qv = { targets: ['attn.qkv[q,v]'], r: 2 };

describe.each<[Backbone]>([['vit'], ['swin']])('on a tiny %s', backbone => {
  test.each<[string, PearOptions]>([
    [
      'LoRA, merging and gated',
      { base: lora({ ...qv, dropout: 0.1 }), knowledgeCheckpoint: 'merge', shareInit: 'gate0' },
    ],
    ['NEAT by magnitude', { base: neat(qv), criterion: 'magnitude', pairing: 'rank' }],
    ['Lily at random', { base: lily({ ...qv, mixing: 'batch' }), criterion: 'random', pairing: 'random', seed: 4 }],
  ])('%s: stopped before and after the prune and resumed, it ends with the same bytes', (_, options) =>
    expectResumedAlike(backbone, options),
  );
});

test.each<[string, PearOptions]>([
  ['LoRA whose gates are shut', { base: lora(qv), shareInit: 'gate0' }],
  ['LoRA that shares nothing, merged', { base: lora(qv), share: false, knowledgeCheckpoint: 'merge' }],
])('%s: the loss does not jump where they are pruned', (_, options) => expectNoJump(options));

// The recorded step is compared with what runs eagerly on the cpu.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('recorded and run in ONNX Runtime', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await onnxEngine({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  test.each<[Backbone, string, PearOptions]>([
    ['vit', 'bottlenecks', { r: 4, dropout: 0.1, modulesToSave: ['head'] }],
    ['vit', 'LoRA, merging and gated', { base: lora(qv), knowledgeCheckpoint: 'merge', shareInit: 'gate0' }],
    ['vit', 'NEAT without checkpoints', { base: neat(qv), knowledgeCheckpoint: 'none' }],
    ['vit', 'pruned without sharing', { r: 4, share: false, knowledgeCheckpoint: 'none' }],
    ['swin', 'bottlenecks', { r: 4, targets: ['attn', 'mlp'] }],
  ])('%s: %s have the same losses and the same map', async (backbone, _, options) => {
    const eager = await setUp(backbone, options);
    const recorded = await setUp(backbone, options, engine);
    const [here, there] = [await follow(eager.trainer), await follow(recorded.trainer)];
    expect(difference(there.losses, here.losses)).toBeLessThan(1e-4);
    expect(found(recorded.model).shared).toEqual(found(eager.model).shared);
    await recorded.trainer.dispose();
  });
});
