import { mkdir, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  check,
  checkFinite,
  disposeModule,
  fold,
  key,
  PeftError,
  type Preprocessing,
  serializeSafetensors,
} from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { writeFolderAtomic } from '@peft/core/node';
import * as tf from '@tensorflow/tfjs-core';
import type { Backbone } from '../backbone.ts';
import { orderLabels } from '../formats/labels.ts';
import type { SavedModel } from '../formats/saved-model.ts';
import { writeTimm } from '../formats/timm-write.ts';
import { hasClass, transformersLayout, writeProcessor, writeTransformers } from '../formats/transformers-write.ts';
import { exportBackbone } from '../weights/export.ts';
import type { FileNaming } from '../weights/naming.ts';
import { type OpenedBackbone, openBackbone } from './open.ts';
import { besides, checkReplaceable, replaceFolder } from './replace-folder.ts';

export interface SaveBackboneOptions {
  /** Class names, in the order of the logits; those of the opened backbone unless given. */
  labels?: readonly string[] | undefined;
  /** The preprocessing; that of the opened backbone unless given. */
  preprocessing?: Preprocessing;
}

export interface SavedBackbone {
  /** Whose layout the folder is in: that of the files the backbone came from, unless it has no place for the model. */
  readonly format: 'timm' | 'transformers';
  /** The largest difference between the model's logits and those of the folder, opened again, on random pictures. */
  readonly difference: number;
}

/** Logits may differ by this part of the largest: kernels may round in another order after opening. */
const tolerance = 1e-4;
/** The same where weights are in 8 bits: opened again they are float32, with products that round no inputs. */
const int8Tolerance = 0.1;

interface Description {
  readonly format: SavedBackbone['format'];
  readonly layout: FileNaming;
  /** By name, to be written as JSON. */
  readonly files: Readonly<Record<string, object>>;
}

/** A DINOv2 with a head is saved as timm's, because transformers' class has a different head. */
const dinov2 = { architecture: 'vit_base_patch14_dinov2' };

function describe({ files, layout }: OpenedBackbone, saved: SavedModel): Description {
  if (files.format === 'transformers' && hasClass(files.config, saved)) {
    return {
      format: 'transformers',
      layout: transformersLayout(files.config, saved, layout),
      files: {
        'config.json': writeTransformers(files.config, saved),
        'preprocessor_config.json': writeProcessor(files.processor, saved.preprocessing),
      },
    };
  }
  const config = files.format === 'timm' ? files.config : dinov2;
  return { format: 'timm', layout: { id: 'timm', prefix: '' }, files: { 'config.json': writeTimm(config, saved) } };
}

/** Logits of two random pictures, the same for each model of one size. */
async function probe(model: Backbone): Promise<Float32Array> {
  const [height, width] = model.imageSize;
  const pictures = drawNormal(fold(key(0), 'probe'), 2 * height * width * 3);
  const logits = tf.tidy(() => model.call(tf.tensor(pictures, [2, height, width, 3])));
  const values = Float32Array.from(await logits.data());
  logits.dispose();
  checkFinite(values, 'The logits of random pictures');
  return values;
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Opens the written folder and compares its logits with the model's. */
async function verify(
  folder: string,
  expected: Float32Array,
  { labels, model }: SavedModel,
  allowed: number,
): Promise<number> {
  const again = await openBackbone(folder);
  try {
    check(
      String(again.labels) === String(labels) && String(again.model.imageSize) === String(model.imageSize),
      'write-failed',
      () => `opened again it has classes ${again.labels} and pictures of ${again.model.imageSize}`,
    );
    const found = await probe(again.model);
    const difference = largest(found.map((value, i) => value - (expected[i] ?? Number.NaN)));
    check(
      found.length === expected.length && difference <= allowed * Math.max(1, largest(expected)),
      'write-failed',
      () => `opened again it gives other logits, by up to ${difference}`,
    );
    return difference;
  } finally {
    disposeModule(again.model);
  }
}

/**
 * Writes a backbone as a folder that `openBackbone`, and timm or transformers, open: the weights that it has now, and the
 * configuration that it came with, brought up to date (head, class names, picture size). The folder is written beside its
 * place, opened again, compared on random pictures, and only then put there. Weights in 8 bits are written as the float32 numbers that
 * they stand for.
 *
 * @param folder is made; if it is there, it may hold nothing but such a model, which is replaced
 * @throws PeftError `numerics` for weights or logits that are not finite; `bad-config` for class names that do not fit;
 * `write-failed`
 */
export async function saveBackbone(
  opened: OpenedBackbone,
  folder: string,
  options: SaveBackboneOptions = {},
): Promise<SavedBackbone> {
  const { model } = opened;
  const preprocessing = options.preprocessing ?? opened.preprocessing;
  const labels = options.labels ?? opened.labels;
  const saved: SavedModel = {
    model,
    labels: orderLabels(labels && [...labels], model.classes, 'labels', false),
    preprocessing: { ...preprocessing, inputSize: [3, ...model.imageSize] },
  };
  const { format, layout, files } = describe(opened, saved);
  const expected = await probe(model);
  const weights = await exportBackbone(model, layout);
  const contents: Record<string, Uint8Array | string> = {
    'model.safetensors': serializeSafetensors(weights, { format: 'pt' }),
  };
  for (const [name, json] of Object.entries(files)) contents[name] = `${JSON.stringify(json, null, 2)}\n`;
  const place = resolve(folder);
  const made = besides(place);
  try {
    await checkReplaceable(place, ['config.json', 'model.safetensors', 'preprocessor_config.json']);
    await mkdir(dirname(place), { recursive: true });
    await writeFolderAtomic(made, contents);
    const difference = await verify(made, expected, saved, opened.frozenDtype ? int8Tolerance : tolerance);
    await replaceFolder(made, place);
    return { format, difference };
  } catch (cause) {
    await rm(made, { recursive: true, force: true });
    const what = (cause as Error).message.replace(/\.$/, '');
    throw new PeftError('write-failed', `Could not write a model to ${folder}: ${what}. What was there is as it was.`, {
      cause,
    });
  }
}
