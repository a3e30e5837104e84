import { createBackbone, describeModel, loadBackbone } from '@peft/backbones';
import { countParameters, parseHeader, type StoredTensor } from '@peft/core';
import type { DescribedModel, FoundModel } from './protocol.ts';

/**
 * Tells from a configuration, and from the names and shapes of weights, what model of the Hub it is and what it takes.
 *
 * @throws PeftError for a model that is no ViT or Swin of those here, or whose weights do not fit its configuration
 */
export function describeHubModel({ name, commit, config, processor, header, size }: FoundModel): DescribedModel {
  const { definition, name: architecture } = describeModel(config, `${name}/config.json`, processor, true);
  const source = `${name}/model.safetensors`;
  const { spans } = parseHeader(header, size, source);
  const shapes = [...spans].map(([path, { dtype, shape }]): [string, StoredTensor] => [
    path,
    { dtype, shape, bytes: new Uint8Array() },
  ]);
  const model = createBackbone(definition);
  loadBackbone(model, { tensors: new Map(shapes) }, source, { newHead: true }); // reads no numbers
  const parameters = countParameters(model, []).base;
  return {
    name: architecture,
    hub: { source: `hf:${name}@${commit}`, definition },
    parameters,
    // The file, the numbers as the page holds them, and ONNX Runtime's copy.
    memory: size + 2 * 4 * parameters,
  };
}
