import { expect, test } from 'vitest';
import { difference, lowRank, net, run } from '../../test/nets.ts';
import {
  adapt,
  attachAdapterFolder,
  key,
  type MethodFactory,
  parseSafetensors,
  readAdapterFolder,
  type StoredTensor,
  serializeSafetensors,
  writeAdapterFolder,
} from '../index.ts';
import { sha256Of } from './hashes.ts';

interface Options {
  modulesToSave: string[];
}

const lowRankFactory: MethodFactory<Options> = Object.assign(
  ({ modulesToSave }: Options) => {
    const method = lowRank({ targets: { targets: ['qkv'] }, modulesToSave, bias: 'all' });
    return { ...method, config: { modulesToSave } };
  },
  { type: 'low-rank' },
);

const prefix = 'base_model.model.';

/** A folder of an adapter that trains the head and all biases, with its tensors changed, and what the adapter gives. */
async function folder(change: (tensors: Map<string, StoredTensor>) => void, names = ['head']) {
  const model = adapt(net());
  const adapter = await model.add('default', lowRankFactory({ modulesToSave: ['head'] } as never), { key: key(1) });
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + Math.cos(i)));
  }
  const files = await writeAdapterFolder(model);
  const { tensors } = parseSafetensors(files['adapter_model.safetensors'], 'written');
  const changed = new Map(tensors);
  change(changed);
  files['adapter_model.safetensors'] = serializeSafetensors([...changed], { format: 'pt' });
  const peftJson = JSON.parse(new TextDecoder().decode(files['peft.json']));
  peftJson.files['adapter_model.safetensors'] = sha256Of(files['adapter_model.safetensors']);
  peftJson.adapters[0].config.modulesToSave = names;
  files['peft.json'] = new TextEncoder().encode(JSON.stringify(peftJson));
  return { logits: await run(model), read: () => readAdapterFolder(files, 'folder', [lowRankFactory]) };
}

const zeros = (count: number): StoredTensor => ({ dtype: 'F32', shape: [count], bytes: new Uint8Array(4 * count) });

test.each<[string, (tensors: Map<string, StoredTensor>) => void]>([
  [
    'biases of the frozen original and of the wrapper beside the plain ones',
    tensors => {
      tensors.set(`${prefix}head.original_module.bias`, zeros(3));
      tensors.set(`${prefix}head.modules_to_save.bias`, zeros(3));
    },
  ],
  [
    'the head below its wrapper only',
    tensors => {
      for (const name of ['weight', 'bias']) {
        const tensor = tensors.get(`${prefix}head.${name}`);
        if (tensor) tensors.set(`${prefix}head.modules_to_save.${name}`, tensor);
        tensors.delete(`${prefix}head.${name}`);
      }
    },
  ],
])('%s: the trained head is read', async (_, change) => {
  const { logits, read } = await folder(change);
  const model = adapt(net());
  await attachAdapterFolder(model, read());
  expect(difference(await run(model), logits)).toBeLessThan(1e-6);
});

test('names in modules_to_save that are not there are let pass, as Python does', async () => {
  const { logits, read } = await folder(() => {}, ['classifier', 'head']);
  const model = adapt(net());
  await attachAdapterFolder(model, read());
  expect(difference(await run(model), logits)).toBeLessThan(1e-6);
});

test('what belongs to no saved module is still unexpected', async () => {
  const { read } = await folder(tensors => tensors.set(`${prefix}tail.original_module.bias`, zeros(3)));
  await expect(attachAdapterFolder(adapt(net()), read())).rejects.toThrow('tail.original_module.bias is unexpected');
});
