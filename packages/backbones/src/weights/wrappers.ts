import { check } from '@peft/core';

/** Prefixes that training tools add to every name: DDP, torch.compile, Lightning, averaged and checkpointed models. */
const wrappers = [
  ...['module.', '_orig_mod.', 'model.', 'backbone.'],
  ...['state_dict.', 'state_dict_ema.', 'model_state_dict.', 'model_ema.', 'ema_model.'],
];

/** Heads stand beside a wrapped body in some files. */
const isOfHead = (name: string): boolean => /^(head|head_dist|classifier|fc)\./.test(name);

/** The prefix that all names of a body share. */
function wrapperOf(names: readonly string[]): string | undefined {
  const body = names.filter(name => !isOfHead(name));
  return body.length > 0 ? wrappers.find(wrapper => body.every(name => name.startsWith(wrapper))) : undefined;
}

/**
 * Tensors without what training tools put before their names (`module.`, `_orig_mod.`, `model.`, `backbone.`, ...), one
 * around the other if need be. Only what stands before all of them is taken away, a head beside a wrapped body left alone.
 *
 * @param source the file's name, for errors
 * @throws PeftError `bad-file` if two tensors would have one name
 */
export function unwrapNames<T>(tensors: ReadonlyMap<string, T>, source: string): ReadonlyMap<string, T> {
  const wrapper = wrapperOf([...tensors.keys()]);
  if (wrapper === undefined) return tensors;
  const unwrapped = new Map<string, T>();
  for (const [name, tensor] of tensors) {
    const bare = name.startsWith(wrapper) ? name.slice(wrapper.length) : name;
    check(!unwrapped.has(bare), 'bad-file', () => `${source} holds ${bare} twice, once as ${wrapper}${bare}.`);
    unwrapped.set(bare, tensor);
  }
  return unwrapNames(unwrapped, source);
}
