import { type AdaptedModel, adapt, key, type MethodFactory, type ModelCard, toFloat32 } from '../src/index.ts';
import { openAdapterFolder } from '../src/node/index.ts';
import { lowRank, net } from './nets.ts';

const factory: MethodFactory = Object.assign(() => lowRank({ targets: { targets: ['qkv', 'proj'] } }), {
  type: 'low-rank',
});

/** A stack of two adapters of which everything says which state it is: every weight, every strength, the label. */
export async function stateOf(state: number): Promise<{ model: AdaptedModel; card: ModelCard }> {
  const model = adapt(net());
  for (const name of ['default', 'task']) {
    const adapter = await model.add(name, factory({} as never), { key: key(0) });
    for (const [, parameter] of adapter.parameters()) parameter.set(new Float32Array(parameter.size).fill(state));
  }
  model.use({ default: state, task: state });
  return { model, card: { labels: [String(state)], backbone: `state-${state}` } };
}

/** The state that a folder holds. Throws if it holds parts of two. */
export async function readState(folder: string): Promise<number> {
  const { card, adapters } = await openAdapterFolder(folder, [factory]);
  const found = new Set([Number(card.labels?.[0])]);
  for (const { weight, file } of adapters) {
    found.add(weight);
    found.add(Number(String(file.config.base_model_name_or_path).replace('state-', '')));
    for (const tensor of file.tensors.values()) for (const value of toFloat32(tensor)) found.add(value);
  }
  if (found.size !== 1) throw new Error(`${folder} is a mixture of ${[...found].join(', ')}.`);
  return [...found][0];
}
