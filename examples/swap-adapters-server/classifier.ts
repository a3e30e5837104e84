import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { adapt, attachAdapterFolder, type Engine, PeftError } from '@peft/core';
import { openAdapterFolder } from '@peft/core/node';
import { evalTransform } from '@peft/data';
import { decodePicture } from '@peft/data/node';
import { lora } from '@peft/lora';
import { evaluationStep, logSumExp } from '@peft/train';

/** Says what a picture shows: the likeliest label, and the probability of each. */
export type Predict = (picture: Uint8Array) => Promise<{ label: string; probabilities: Record<string, number> }>;

/**
 * Loads the base once, and every adapter below a folder onto it.
 *
 * @param folder one adapter a subfolder; all have been trained on this base, for one number of classes
 */
export async function openClassifiers(engine: Engine, base: string, folder: string): Promise<Map<string, Predict>> {
  const names = (await readdir(folder)).sort();
  const folders = await Promise.all(names.map(name => openAdapterFolder(join(folder, name), [lora])));
  const backbone = await openBackbone(base, { classes: folders[0]?.card.labels?.length });
  const model = adapt(backbone.model);
  const { height, width, apply } = evalTransform(backbone.preprocessing);
  const classifiers = new Map<string, Predict>();
  for (const [i, opened] of folders.entries()) {
    const [name, [adapter, ...others], labels] = [names[i], opened.adapters, opened.card.labels];
    if (!adapter || others.length > 0 || !labels) throw new Error(`${name} must hold one adapter, with its labels.`);
    await attachAdapterFolder(model, { ...opened, adapters: [{ ...adapter, name }] }, await backbone.weightsHash());

    // The step chooses its adapter before it runs the model, and nothing comes between the two. ONNX Runtime records each step
    // once, with this adapter in it; the weights of the base are the same variables in all of them.
    const run = evaluationStep(model);
    const step = engine.compile<Parameters<typeof run>[0], ReturnType<typeof run>>(inputs => {
      model.use(name);
      return run(inputs);
    });
    classifiers.set(name, async picture => {
      const data = apply(await decodePicture(picture, 'The body'), 0);
      const { logits } = await step.run({ images: { data, shape: [1, height, width, 3] } });
      const scores = Float32Array.from(logits.data);
      const total = logSumExp(scores);
      const probabilities = Object.fromEntries(labels.map((label, k) => [label, Math.exp(scores[k] - total)]));
      return { label: labels[scores.indexOf(Math.max(...scores))], probabilities };
    });
  }
  if (classifiers.size === 0) throw new PeftError('missing', `There is no adapter in ${folder}.`);
  return classifiers;
}
