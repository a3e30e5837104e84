import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBackbone, describeTimm, exportBackbone } from '@peft/backbones';
import { openBackbone } from '@peft/backbones/node';
import {
  type AdaptedModel,
  type Adapter,
  adapt,
  type BatchSource,
  fold,
  fromFloat32,
  fromInt32,
  key,
  type PictureBatch,
  parameters,
  type StoredTensor,
  serializeSafetensors,
} from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { permute } from '@peft/core/method';
import { runPython } from './python.ts';

/** An adapter of one target, as `scripts/scores.py` describes it. */
export interface AdapterSpec {
  /** The target's id, `blocks.0.attn.qkv[q]`. */
  readonly target: string;
  readonly kind: 'lowrank' | 'bottleneck' | 'neat';
  readonly scale: number;
  readonly role?: string;
  readonly A: HostMatrix;
  readonly B: HostMatrix;
}

interface HostMatrix {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export type Component = 'q' | 'k' | 'logits' | 'attention' | 'v' | 'output';
export type Source = 'activation' | 'delta';

export interface MaskSpec {
  readonly strategy: 'q' | 'v' | 'qv';
  readonly scope: 'global' | 'layer' | 'allHeads';
  /** Heads off in each layer; or the `ratio` of a layer's heads. */
  readonly ne?: number;
  readonly ratio?: number;
  readonly source?: Source;
  readonly aggregation?: keyof HeadScores;
  readonly normalizeLayers?: boolean;
}

export interface PlanSpec {
  readonly criterion: 'taylor' | 'magnitude';
  readonly ratio: number;
  readonly pairing: 'nearest' | 'rank' | 'top1';
}

/** A request to Python: see the head of `scripts/scores.py`. */
export interface ScoreRequest {
  readonly adapters?: readonly AdapterSpec[];
  readonly heat?: {
    readonly sources: readonly Source[];
    /** The sides that are scored; q and v unless given. */
    readonly components?: readonly Component[];
    readonly masks?: readonly MaskSpec[];
  };
  readonly pear?: { readonly plans: readonly PlanSpec[] };
}

/** A score for each head, by aggregation. */
export type HeadScores = Record<'batch' | 'sample' | 'none' | 'square', number[]>;

/** Python's scores: see the head of `scripts/scores.py`. */
export interface ReferenceScores {
  /** The mean loss of each batch. */
  losses: number[];
  /** By source, then by attention (`blocks.0.attn`) and component; and for each mask, the heads that are off. */
  heat: {
    scores: Record<Source, Record<string, Record<Component, HeadScores>>>;
    masks: Record<string, number[]>[];
  };
  /** By target; and for each plan, what it prunes and what each pruned target shares. */
  pear: {
    scores: Record<string, { taylor: number; parameters: Record<'A' | 'B', number>; magnitude: number }>;
    plans: { pruned: string[]; shares: Record<string, string> }[];
  };
}

/** The adapters of a low-rank pair, a bottleneck or a NEAT without pairs that was added here, with their values. */
export const adapterSpecs = (adapter: Adapter, kind: AdapterSpec['kind'], scale: number): Promise<AdapterSpec[]> =>
  Promise.all(
    adapter.attachedTargets.map(async ({ target: { id }, parameters: { A, B } }) => {
      const [a, b] = [await A.get(), await B.get()];
      return { target: id, kind, scale, A: { shape: A.shape, values: a }, B: { shape: B.shape, values: b } };
    }),
  );

/** The models of `models`, made deeper, so that there is something to choose from. */
const changes = {
  vit: { depth: 6, num_heads: 4 },
  swin: { depths: [2, 4], num_heads: [2, 4] },
} as const;

const batchSizes = [4, 4, 3];

/** A random model with a few labeled pictures, in a folder where Python finds them: the input of `scripts/scores.py`. */
export class ScoreCase {
  readonly folder = mkdtempSync(join(tmpdir(), 'peft-scores-'));
  /** The pictures to score on, in batches of unequal size. */
  readonly batches: readonly PictureBatch[];

  private constructor(seed: number) {
    const from = key(seed);
    this.batches = batchSizes.map((size, i) => ({
      images: { data: drawNormal(fold(from, `images ${i}`), size * 16 * 16 * 3), shape: [size, 16, 16, 3] },
      labels: { data: Int32Array.from({ length: size }, (_, sample) => (i + 2 * sample) % 5), shape: [size] },
    }));
  }

  static async make(kind: 'vit' | 'swin', seed = 0): Promise<ScoreCase> {
    const made = new ScoreCase(seed);
    const path = join(dirname(fileURLToPath(import.meta.url)), `../models/${kind}.json`);
    const config = JSON.parse(readFileSync(path, 'utf8'));
    Object.assign(config.model_args, changes[kind]);
    made.#write('config.json', JSON.stringify(config));
    const model = createBackbone(describeTimm(config, path).definition);
    for (const [name, parameter] of parameters(model)) {
      const mean = /norm\d?\.weight$/.test(name) ? 1 : 0;
      parameter.set(drawNormal(fold(key(seed), name), parameter.size).map(value => mean + 0.3 * value));
    }
    made.#write('model.safetensors', serializeSafetensors(await exportBackbone(model, 'timm')));
    made.#write('data.safetensors', serializeSafetensors(made.#data()));
    return made;
  }

  /** The batches once, as a trainer takes them. */
  get source(): BatchSource {
    const { batches } = this;
    return {
      length: batches.length,
      size: [16, 16],
      async *batches(_, skip = 0) {
        yield* batches.slice(skip);
      },
    };
  }

  /** The frozen model. */
  async open(): Promise<AdaptedModel> {
    return adapt((await openBackbone(this.folder)).model);
  }

  /** Lets Python score. What was not asked for is not there. */
  score({ adapters = [], heat, pear }: ScoreRequest): ReferenceScores {
    const described = adapters.map(({ A, B, ...spec }) => spec);
    const heatOrDefaults = heat && { components: ['q', 'v'], masks: [], ...heat };
    const request = { batches: batchSizes, adapters: described, heat: heatOrDefaults, pear };
    this.#write('case.json', JSON.stringify(request));
    const factors = adapters.flatMap(({ target, A, B }) =>
      Object.entries({ A, B }).map(([name, { shape, values }]): [string, StoredTensor] => [
        `${target}.${name}`,
        fromFloat32(values, shape),
      ]),
    );
    this.#write('adapters.safetensors', serializeSafetensors(factors));
    runPython('scores.py', this.folder);
    return JSON.parse(readFileSync(join(this.folder, 'scores.json'), 'utf8'));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }

  #write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, name), content);
  }

  #data(): [string, StoredTensor][] {
    const images = this.batches.flatMap(({ images: { data, shape } }) => [...permute(data, shape, [0, 3, 1, 2])]);
    const labels = this.batches.flatMap(batch => [...batch.labels.data]);
    return [
      ['images', fromFloat32(Float32Array.from(images), [labels.length, 3, 16, 16])],
      ['labels', fromInt32(Int32Array.from(labels), [labels.length])],
    ];
  }
}
