import { exportBackbone } from '@peft/backbones';
import { startBackend } from '@peft/backends';
import { exportOnnx } from '@peft/compile';
import { type AdaptedModel, disposeModule, readAdapterFolder, type Step, serializeSafetensors } from '@peft/core';
import { factories, modelWithAdapter, type RunModel } from '@peft/run';
import { evaluationStep } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { openBackbone } from './backbone.ts';
import type { Exported, TrainedAdapter } from './protocol.ts';

/** Opens an adapter on a backbone of its own, which is changed and then freed. */
async function withModel<T>({ id, backbone, files }: TrainedAdapter, use: (model: RunModel) => Promise<T>): Promise<T> {
  await startBackend('cpu');
  const opened = await modelWithAdapter(await openBackbone(backbone), readAdapterFolder(files, id, factories));
  try {
    return await use(opened);
  } finally {
    opened.model.dispose();
    disposeModule(opened.backbone.model);
  }
}

/** Pictures as other runtimes hold them, `[N, 3, H, W]`, in; logits out. */
const forward = (model: AdaptedModel): Step => {
  const step = evaluationStep(model);
  return ({ images }) => step({ images: tf.transpose(images!, [0, 2, 3, 1]) });
};

/** Folds in what can be merged. Returns what to know about the rest. */
function mergeAll(model: AdaptedModel): string[] {
  const foldable = model.active.filter(({ mergeable }) => mergeable === true);
  if (foldable.length > 0) model.merge(foldable.map(({ name }) => name));
  return model.active.flatMap(({ name, mergeable }) =>
    mergeable === true || foldable.some(folded => folded.name === name)
      ? []
      : [`${name} stays apart: ${mergeable.reason}`],
  );
}

/** The model with its adapters as ONNX, with pictures `[N, 3, H, W]` as input, for any N. */
export const exportOnnxModel = (adapter: TrainedAdapter): Promise<Exported> =>
  withModel(adapter, async ({ model, backbone, preprocessing, labels }) => {
    const notes = mergeAll(model);
    const [height, width] = backbone.model.imageSize;
    const metadata = {
      backbone: backbone.source,
      preprocessing: JSON.stringify(preprocessing),
      ...(labels && { labels: JSON.stringify(labels) }),
    };
    const inputs = { images: { shape: [null, 3, height, width] } };
    const onnx = await exportOnnx(forward(model), { inputs, metadata });
    const description = new TextEncoder().encode(`${JSON.stringify({ labels, preprocessing }, null, 2)}\n`);
    return { files: { 'model.onnx': onnx, 'model.json': description }, notes };
  });

/** The backbone's weights with the adapters folded in, under timm's names. */
export const exportMerged = (adapter: TrainedAdapter): Promise<Exported> =>
  withModel(adapter, async ({ model, backbone, preprocessing, labels }) => {
    model.merge();
    const tensors = await exportBackbone(backbone.model, 'timm');
    const description = {
      architecture: backbone.name,
      num_classes: backbone.model.classes,
      label_names: labels,
      preprocessing,
    };
    return {
      files: {
        'model.safetensors': serializeSafetensors(tensors),
        'model.json': new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`),
      },
      notes: [],
    };
  });
