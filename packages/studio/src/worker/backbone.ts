import { createBackbone, defineBackbone, loadBackbone } from '@peft/backbones';
import { parseSafetensors, sha256Of } from '@peft/core';
import { modelConfig, modelWeights } from '@peft/pico';
import type { RunBackbone } from '@peft/run';
import { fetchBytes } from './fetch.ts';
import type { BackboneChoice } from './protocol.ts';

/** Opens a backbone with its weights: of the page, of the user's file, or of the Hub. Each call makes a model of its own. */
export async function openBackbone({ name, file, hub }: BackboneChoice): Promise<RunBackbone> {
  const bytes = file ? new Uint8Array(await file.arrayBuffer()) : await fetchBytes(modelWeights(name));
  const model = createBackbone(hub?.definition ?? name);
  loadBackbone(model, parseSafetensors(bytes, file?.name ?? name), file?.name ?? name, { newHead: true });
  const { preprocessing } = defineBackbone(hub?.definition ?? name);
  const labels = file ? undefined : await labelsOf(name);
  let hash: string | undefined;
  const weightsHash = async (): Promise<string> => (hash ??= sha256Of(bytes));
  return { model, preprocessing, labels, name, source: hub?.source ?? name, weightsHash };
}

async function labelsOf(name: 'pico-vit' | 'pico-swin'): Promise<readonly string[]> {
  const config: { label_names: string[] } = JSON.parse(new TextDecoder().decode(await fetchBytes(modelConfig(name))));
  return config.label_names;
}
