import type { Engine, Precision, Work } from './work.ts';

/** One of those that are put beside each other. */
export interface Entry {
  readonly label: string;
  readonly engine: Engine;
  readonly work: Work;
}

/** Two numbers of one case, and what their ratio must reach, by the acceptance table. */
export interface Measure {
  readonly name: string;
  /** Labels of entries; of several, the fastest. */
  readonly over: string;
  readonly under: string | readonly string[];
  /**
   * Time of a step or pass; its processor time; peak memory; seconds, of `over` alone, from process start to the
   * end of the first step, or (`ready`) until it could begin: less the time of a later step.
   */
  readonly of: 'step' | 'processor' | 'memory' | 'start' | 'ready';
  readonly limit?: string;
  readonly aim?: string;
}

/** Contenders that are measured together, in turn. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly Entry[];
  readonly measures: readonly Measure[];
  /** Rounds, of the number that was asked for. */
  rounds?(asked: number): number;
  /** The number of fresh processes that measure the start. */
  readonly starts?: number;
}

const [ours, theirs] = ['ours', 'PyTorch'];

/** LoRA on the fused qkv of every block, which is what timm has and Hugging Face peft can adapt, and the head. */
export const defaultWork: Work = {
  backbone: 'vit_tiny_patch16_224',
  batch: 8,
  phase: 'train',
  adapter: 'active',
  method: 'lora',
  rank: 8,
  targets: ['attn.qkv'],
};

const vitTiny = defaultWork;
const vitBase: Work = { ...defaultWork, backbone: 'vit_base_patch16_224', batch: 4 };
const swinTiny: Work = { ...defaultWork, backbone: 'swin_tiny_patch4_window7_224', batch: 4 };
const pico: Work = { ...defaultWork, backbone: 'pico-vit', batch: 32 };
const bare = { phase: 'forward', adapter: 'none' } as const;

const oursInt8 = 'ours, int8';
const theirsInBf16 = ['PyTorch, bfloat16', 'PyTorch, autocast'] as const;

const step = { over: ours, under: theirs, of: 'step' } as const;
const int8Step = { ...step, over: oursInt8 } as const;

const besideTorch = (
  id: string,
  title: string,
  work: Work,
  measures: readonly Measure[],
  more: Partial<Case> = {},
): Case => ({
  id,
  title,
  entries: [
    { label: ours, engine: 'onnx', work },
    { label: theirs, engine: 'torch', work },
  ],
  measures,
  ...more,
});

const inPrecision = (label: string, engine: Engine, work: Work, precision: Precision): Entry => ({
  label,
  engine,
  work: { ...work, precision },
});

/** The same with frozen weights in 8 bits. */
const withInt8 = ({ entries, ...rest }: Case): Case => {
  const [first, ...others] = entries as [Entry, ...Entry[]];
  return { ...rest, entries: [first, inPrecision(oursInt8, 'onnx', first.work, 'int8'), ...others] };
};

/** The same with PyTorch in bfloat16 too, in both ways that it has. */
const withBf16 = ({ entries, ...rest }: Case): Case => {
  const { work } = entries[0];
  const [whole, products] = theirsInBf16;
  const others = [inPrecision(whole, 'torch', work, 'bfloat16'), inPrecision(products, 'torch', work, 'autocast')];
  return { ...rest, entries: [...entries, ...others] };
};

/** What 8 bits are measured by. */
const besideFloat32 = (name: string, limit: string, aim: string): Measure => ({
  ...int8Step,
  name: `${name}, int8: ours / PyTorch`,
  limit,
  aim,
});
const besideBf16 = (name: string, goals: Pick<Measure, 'limit' | 'aim'> = {}): Measure => ({
  ...int8Step,
  name: `${name}, int8: ours / PyTorch in bfloat16, the faster way`,
  under: theirsInBf16,
  ...goals,
});

const forward = (id: string, name: string, work: Work): Case => ({
  id,
  title: `${name}, forward pass of the bare model, batch ${work.batch}`,
  entries: [
    { label: ours, engine: 'onnx', work: { ...work, ...bare } },
    { label: 'onnxruntime', engine: 'onnxruntime', work: { ...work, ...bare } },
    { label: theirs, engine: 'torch', work: { ...work, ...bare } },
  ],
  measures: [
    { name: `forward, ${name}: ours / exported in onnxruntime`, over: ours, under: 'onnxruntime', of: 'step' },
    { ...step, name: `forward, ${name}: ours / PyTorch` },
  ],
});

const idle = (engine: 'onnx' | 'wasm', name: string): Case => ({
  id: `idle-${engine}`,
  title: `Disabled LoRA over the bare model, ViT-Tiny, forward, ${name}`,
  entries: [
    { label: 'disabled', engine, work: { ...vitTiny, phase: 'forward', adapter: 'idle' } },
    { label: 'bare', engine, work: { ...vitTiny, ...bare } },
  ],
  measures: [
    {
      name: `idle adapter / bare model, ${name}`,
      over: 'disabled',
      under: 'bare',
      of: 'step',
      limit: '≤ 1.02',
      aim: '1.00',
    },
  ],
  rounds: asked => 12 * asked, // the limit is 2 %, less than one step differs from the next
});

/** Those of the acceptance table first. */
export const cases: readonly Case[] = [
  withBf16(
    withInt8(
      besideTorch(
        'vit-b',
        'LoRA r=8, ViT-B/16, batch 4',
        vitBase,
        [
          { ...step, name: 'LoRA step, ViT-B/16: ours / PyTorch', limit: '≤ 0.9', aim: '≤ 0.8' },
          besideFloat32('LoRA step, ViT-B/16', '≤ 0.5', '≤ 0.38'),
          besideBf16('LoRA step, ViT-B/16', { limit: '≤ 0.95', aim: '≤ 0.75' }),
          { ...step, name: 'peak memory of it: ours / PyTorch', of: 'memory', limit: '≤ 0.9', aim: '≤ 0.6' },
          {
            ...int8Step,
            name: 'peak memory of it, int8: ours / PyTorch',
            of: 'memory',
            limit: '≤ 0.5',
            aim: '≤ 0.35',
          },
          {
            ...step,
            name: 'start to end of first step, from safetensors',
            of: 'start',
            limit: '≤ 3 s',
            aim: '≤ 1.5 s',
          },
          { ...step, name: 'the same, less a step', of: 'ready' },
          { ...int8Step, name: 'start to end of first step, int8', of: 'start' },
        ],
        { starts: 7 },
      ),
    ),
  ),
  withBf16(
    withInt8(
      besideTorch('vit-tiny', 'LoRA r=8, ViT-Tiny, batch 8', vitTiny, [
        { ...step, name: 'LoRA step, ViT-Tiny: ours / PyTorch', limit: '≤ 0.8', aim: '≤ 0.7' },
        besideFloat32('LoRA step, ViT-Tiny', '≤ 0.55', '≤ 0.45'),
        besideBf16('LoRA step, ViT-Tiny'),
      ]),
    ),
  ),
  withBf16(
    withInt8(
      besideTorch('swin-t', 'LoRA r=8, Swin-T, batch 4', swinTiny, [
        { ...step, name: 'LoRA step, Swin-T: ours / PyTorch', limit: '≤ 1.15', aim: '≤ 0.8' },
        besideFloat32('LoRA step, Swin-T', '≤ 0.55', '≤ 0.45'),
        besideBf16('LoRA step, Swin-T'),
      ]),
    ),
  ),
  withInt8(
    besideTorch('neat', 'NEAT r=8 (PEANUT), ViT-B/16, batch 4', { ...vitBase, method: 'neat' }, [
      { ...step, name: 'NEAT step, ViT-B/16: ours / PyTorch', limit: '≤ 0.9', aim: '≤ 0.6' },
      besideFloat32('NEAT step, ViT-B/16', '≤ 0.5', '≤ 0.35'),
    ]),
  ),
  withInt8(
    besideTorch(
      'lily',
      'Lily r=16, ViT-B/16, batch 4',
      { ...vitBase, method: 'lily', rank: 16, targets: ['attn.qkv', 'mlp.fc1', 'mlp.fc2'] },
      [
        { ...step, name: 'Lily step, ViT-B/16: ours / PyTorch', limit: '≤ 0.9', aim: '≤ 0.6' },
        besideFloat32('Lily step, ViT-B/16', '≤ 0.5', '≤ 0.35'),
      ],
    ),
  ),
  {
    id: 'pictures',
    title: 'JPEGs of 1024 x 768 to a batch of 40',
    entries: [
      { label: ours, engine: 'files', work: { ...vitTiny, files: 40 } },
      { label: 'timm + Pillow', engine: 'pillow', work: { ...vitTiny, files: 40 } },
    ],
    measures: [
      {
        name: 'processor time, JPEG to a tensor: ours / timm + Pillow',
        over: ours,
        under: 'timm + Pillow',
        of: 'processor',
        limit: '≤ 1.0',
        aim: '≤ 0.6',
      },
      { name: 'the same, by the clock', over: ours, under: 'timm + Pillow', of: 'step' },
    ],
  },
  {
    id: 'epoch',
    title: 'An epoch of ViT-Tiny, LoRA r=8, batch 8, over 2,000 JPEGs of 1024 x 768',
    entries: [
      { label: 'from disk', engine: 'epoch-disk', work: { ...vitTiny, files: 2000 } },
      { label: 'in memory', engine: 'epoch-memory', work: { ...vitTiny, files: 2000 } },
    ],
    measures: [
      {
        name: 'ViT-Tiny epoch over 2,000 JPEGs: from disk / in memory',
        over: 'from disk',
        under: 'in memory',
        of: 'step',
        limit: '≤ 1.1',
        aim: '1.0',
      },
    ],
    rounds: asked => Math.min(3, asked),
  },
  {
    id: 'eager',
    title: 'Eager TensorFlow.js on wasm, LoRA r=8, ViT-Tiny, batch 8',
    entries: [
      { label: 'plain TensorFlow.js', engine: 'plain', work: vitTiny },
      { label: 'stock kernels', engine: 'stock-wasm', work: vitTiny },
      { label: 'our kernels', engine: 'wasm', work: vitTiny },
      inPrecision('our kernels, int8', 'wasm', vitTiny, 'int8'),
    ],
    measures: [
      {
        name: 'step, ViT-Tiny, eager wasm: our kernels, int8 / float32',
        over: 'our kernels, int8',
        under: 'our kernels',
        of: 'step',
        limit: '≤ 0.6',
        aim: '≤ 0.4',
      },
      {
        name: 'step, ViT-Tiny, eager wasm: stock / our kernels',
        over: 'stock kernels',
        under: 'our kernels',
        of: 'step',
        limit: '≥ 10',
        aim: '≥ 20',
      },
      {
        name: 'the same: plain TensorFlow.js / our kernels',
        over: 'plain TensorFlow.js',
        under: 'our kernels',
        of: 'step',
      },
    ],
    rounds: asked => Math.min(2, asked),
  },
  idle('onnx', 'compiled'),
  idle('wasm', 'eager wasm'),
  forward('vit-b-forward', 'ViT-B/16', vitBase),
  forward('vit-tiny-forward', 'ViT-Tiny', vitTiny),
  forward('swin-t-forward', 'Swin-T', swinTiny),
  forward('pico-forward', 'pico-vit', pico),
  besideTorch(
    'pico',
    'LoRA r=8, pico-vit at 32 px, batch 32',
    pico,
    [{ ...step, name: 'LoRA step, pico-vit: ours / PyTorch' }],
    { rounds: asked => 3 * asked },
  ),
];
